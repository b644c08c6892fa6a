import { createApp } from 'vue'
import { createRouter, createWebHistory } from 'vue-router'
import '@/ui/tokens.css'
import './vant.css'
import './phone.css'
import { loadSession } from '@/features/session/session'
import App from './App.vue'
import { routes } from './routes'

const router = createRouter({
  history: createWebHistory('/'),
  routes,
  scrollBehavior: (_to, _from, saved) => saved ?? { top: 0 },
})

// A page part that is gone after an update of the service: load the new one instead of failing silently.
router.onError((cause, to) => {
  if (/import|module|chunk/i.test(String(cause))) location.assign(to.fullPath)
})

void loadSession().catch(() => undefined)
createApp(App).use(router).mount('#app')
