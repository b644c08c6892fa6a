import type { RouteRecordRaw } from 'vue-router'
import HomePage from '@/features/items/HomePage.vue'

/** The home page comes with the first load; every other page when it is opened. */
export const routes: RouteRecordRaw[] = [
  { path: '/', component: HomePage, meta: { tab: 'home' } },
  { path: '/items/:code', component: () => import('@/features/items/ItemPage.vue'), props: true },
  { path: '/apply/:code', component: () => import('@/features/apply/ApplyPage.vue'), props: true },
  { path: '/login', component: () => import('@/features/session/MePage.vue'), meta: { tab: 'me' } },
  { path: '/cases', component: () => import('@/features/cases/CasesPage.vue'), meta: { tab: 'cases' } },
  { path: '/cases/:id', component: () => import('@/features/cases/CasePage.vue'), props: true },
  { path: '/i', component: () => import('@/features/invitation/InvitationPage.vue') },
  { path: '/room/:id', component: () => import('@/features/room/ApplicantRoom.vue'), props: true },
  { path: '/sign/:id', component: () => import('@/features/sheet/SignPage.vue'), props: true },
  { path: '/field/:id', component: () => import('@/features/field/FieldPage.vue'), props: true },
  { path: '/outbox', component: () => import('@/features/outbox/OutboxPage.vue') },
  { path: '/:rest(.*)*', component: () => import('@/phone/NotFound.vue') },
]
