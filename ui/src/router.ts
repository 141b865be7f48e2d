/** The addresses of all pages. Every page is its own bundle. */
import { createRouter, type RouterHistory, type Router, type RouteRecordRaw } from 'vue-router';
import type { PlugboardApi } from './api/types.ts';
import { useSession } from './stores/session.ts';

const WORKSPACE_PAGES: RouteRecordRaw[] = [
  { path: '', name: 'home', redirect: (to) => ({ name: 'workflows', params: to.params }) },
  {
    path: 'workflows',
    name: 'workflows',
    component: () => import('./pages/WorkflowsPage.vue'),
    meta: { section: 'workflows', title: 'Workflows' },
  },
  {
    path: 'workflows/trash',
    name: 'trash',
    component: () => import('./pages/TrashPage.vue'),
    meta: { section: 'workflows', title: 'Trash' },
  },
  {
    path: 'workflows/:id',
    name: 'workflow',
    component: () => import('./pages/WorkflowPage.vue'),
    meta: { section: 'workflows', title: 'Workflow', hasCanvas: true },
  },
  {
    path: 'workflows/:id/executions/:run',
    redirect: (to) => ({ name: 'run', params: { workspace: to.params['workspace'], id: to.params['run'] } }),
  },
  { path: 'runs', name: 'runs', component: () => import('./pages/RunsPage.vue'), meta: { section: 'runs', title: 'Runs' } },
  {
    path: 'runs/:id',
    name: 'run',
    component: () => import('./pages/RunPage.vue'),
    meta: { section: 'runs', title: 'Run', hasCanvas: true },
  },
  {
    path: 'schedules',
    name: 'schedules',
    component: () => import('./pages/SchedulesPage.vue'),
    meta: { section: 'schedules', title: 'Schedules' },
  },
  {
    path: 'approvals/:id?',
    name: 'approvals',
    component: () => import('./pages/ApprovalsPage.vue'),
    meta: { section: 'approvals', title: 'Approvals' },
  },
  {
    path: 'credentials/:id?',
    name: 'credentials',
    component: () => import('./pages/CredentialsPage.vue'),
    meta: { section: 'credentials', title: 'Credentials' },
  },
  {
    path: 'variables',
    name: 'variables',
    component: () => import('./pages/VariablesPage.vue'),
    meta: { section: 'credentials', title: 'Variables' },
  },
  {
    path: 'settings/sign-in',
    name: 'providers',
    component: () => import('./pages/ProvidersPage.vue'),
    meta: { section: 'settings', title: 'Sign-in' },
  },
  { path: 'team', name: 'team', component: () => import('./pages/TeamPage.vue'), meta: { section: 'team', title: 'Team' } },
  { path: 'team/keys', name: 'keys', component: () => import('./pages/ApiKeysPage.vue'), meta: { section: 'team', title: 'API keys' } },
  { path: 'team/teams', name: 'teams', component: () => import('./pages/TeamsPage.vue'), meta: { section: 'team', title: 'Teams' } },
  {
    path: 'team/projects',
    name: 'projects',
    component: () => import('./pages/ProjectsPage.vue'),
    meta: { section: 'team', title: 'Projects' },
  },
  { path: 'audit', name: 'audit', component: () => import('./pages/AuditPage.vue'), meta: { section: 'team', title: 'Audit log' } },
  {
    path: 'settings/:level(instance)?',
    name: 'settings',
    component: () => import('./pages/SettingsPage.vue'),
    meta: { section: 'settings', title: 'Settings' },
  },
  {
    path: 'settings/projects/:project',
    name: 'projectSettings',
    component: () => import('./pages/SettingsPage.vue'),
    meta: { section: 'team', title: 'Project settings' },
  },
  { path: 'account', name: 'account', component: () => import('./pages/AccountPage.vue'), meta: { title: 'Your account' } },
  { path: ':rest(.*)*', component: () => import('./pages/NotFoundPage.vue'), meta: { title: 'Not found' } },
];

/**
 * @param api asked once for the session, before the first page that needs one
 * @param more public pages besides those of the program
 */
export function makeRouter(history: RouterHistory, api: PlugboardApi, more: readonly RouteRecordRaw[] = []): Router {
  const router = createRouter({
    history,
    routes: [
      { path: '/', name: 'start', component: () => import('./pages/NotFoundPage.vue') },
      { path: '/login', name: 'login', component: () => import('./pages/SignInPage.vue'), meta: { isPublic: true, title: 'Sign in' } },
      { path: '/setup', name: 'setup', component: () => import('./pages/SetupPage.vue'), meta: { isPublic: true, title: 'Set up' } },
      {
        path: '/invite',
        name: 'invite',
        component: () => import('./pages/InvitePage.vue'),
        meta: { isPublic: true, title: 'Invitation' },
      },
      {
        path: '/reset',
        name: 'reset',
        component: () => import('./pages/ResetPage.vue'),
        meta: { isPublic: true, title: 'New password' },
      },
      ...more,
      { path: '/w/:workspace', component: () => import('./pages/WorkspaceFrame.vue'), children: WORKSPACE_PAGES },
      {
        path: '/:rest(.*)*',
        name: 'nowhere',
        component: () => import('./pages/NotFoundPage.vue'),
        meta: { isPublic: true, title: 'Not found' },
      },
    ],
  });

  router.beforeEach(async (to) => {
    if (to.name === 'gallery' || to.name === 'nowhere' || to.name === 'reset') return true;
    const store = useSession();
    // The server ended the session; what this page remembers of it is over too.
    if (to.name === 'login' && to.query['ended'] !== undefined) store.forget();
    const session = store.session ?? (await store.load(api));
    if (to.name === 'invite') return true;
    if (session.kind === 'setup') return to.name === 'setup' ? true : { name: 'setup', hash: to.hash };
    if (session.kind === 'signedOut') return to.name === 'login' ? true : { name: 'login', query: { to: to.fullPath } };
    if (to.name === 'login' || to.name === 'setup' || to.name === 'start') {
      const first = session.workspaces[0];
      return first === undefined
        ? { name: 'nowhere', params: { rest: ['no-workspace'] } }
        : { name: 'home', params: { workspace: first.slug } };
    }
    return true;
  });
  router.afterEach((to) => {
    document.title = typeof to.meta['title'] === 'string' ? `${to.meta['title']} · Plugboard` : 'Plugboard';
  });
  return router;
}
