import { createApp } from 'vue'
import { createRouter, createWebHistory } from 'vue-router'
import '@/ui/tokens.css'
import './el.css'
import { loadSession, sessions, watchLogout } from '@/features/session/session'
import App from './App.vue'
import { landing } from './landing'
import { routes } from './routes'

const router = createRouter({ history: createWebHistory('/desk'), routes, scrollBehavior: (_to, _from, saved) => saved ?? { top: 0 } })

router.beforeEach(async (to) => {
  if (!sessions.known) await loadSession().catch(() => undefined)
  const inside = sessions.main.kind === 'staff'
  if (!inside && !to.meta.open) return { path: '/login', query: { next: to.fullPath } }
  return inside && to.meta.open ? landing() : true
})
router.onError((cause, to) => {
  if (/import|module|chunk/i.test(String(cause))) location.assign(`/desk${to.fullPath}`)
})

watchLogout(() => void router.push({ path: '/login', query: { next: router.currentRoute.value.fullPath } }))
createApp(App).use(router).mount('#app')
