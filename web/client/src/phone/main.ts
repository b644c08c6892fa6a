import { createApp } from 'vue'
import { createRouter, createWebHistory } from 'vue-router'
import '@/ui/tokens.css'
import './vant.css'
import './phone.css'
import { takeToken } from '@/features/invitation/api'
import { loadSession, watchLogout } from '@/features/session/session'
import App from './App.vue'
import { routes } from './routes'

// A second link opened in the same tab changes nothing but the fragment; the page then starts anew.
const INVITATION = '/i'
if (location.pathname === INVITATION) takeToken()
window.addEventListener('hashchange', () => location.pathname === INVITATION && location.hash.length > 1 && location.reload())

const router = createRouter({
  history: createWebHistory('/'),
  routes,
  scrollBehavior: (_to, _from, saved) => saved ?? { top: 0 },
})

// A page part that is gone after an update of the service: load the new one instead of failing silently.
router.onError((cause, to) => {
  if (/import|module|chunk/i.test(String(cause))) location.assign(to.fullPath)
})

watchLogout()
void loadSession().catch(() => undefined)
createApp(App).use(router).mount('#app')
