import type { RouteRecordRaw } from 'vue-router'

export const routes: RouteRecordRaw[] = [
  { path: '/login', component: () => import('@/features/session/StaffLoginPage.vue'), meta: { open: true } },
  { path: '/', component: () => import('@/features/worklist/WorklistPage.vue'), meta: { tab: 'cases' } },
  { path: '/cases/:id', component: () => import('@/features/casework/CaseworkPage.vue'), props: true, meta: { tab: 'cases' } },
  { path: '/agenda', component: () => import('@/features/agenda/AgendaPage.vue'), meta: { tab: 'agenda' } },
  { path: '/inspections/:id', component: () => import('@/features/live-room/InspectionPage.vue'), props: true, meta: { tab: 'agenda' } },
  { path: '/complaints', component: () => import('@/features/complaints/ComplaintsPage.vue'), meta: { tab: 'complaints' } },
  { path: '/oversight', component: () => import('@/features/oversight/OversightPage.vue'), meta: { tab: 'oversight' } },
  { path: '/oversight/:id', component: () => import('@/features/oversight/TimelinePage.vue'), props: true, meta: { tab: 'oversight' } },
  { path: '/erasures', component: () => import('@/features/erasure/ErasurePage.vue'), meta: { tab: 'erasures' } },
  { path: '/:rest(.*)*', component: () => import('@/desk/NotFound.vue') },
]
