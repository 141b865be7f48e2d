/** The boot of the pages, top to bottom: styles, the server's API, stores, addresses, the page. */
import './styles/index.css';
import hashes from 'virtual:operation-hashes';
import { createPinia } from 'pinia';
import { createApp } from 'vue';
import { createWebHistory, type RouteRecordRaw } from 'vue-router';
import { type DocumentName, DOCUMENTS } from './api/documents.ts';
import { makeServerApi } from './api/server-api.ts';
import { API_KEY } from './api/use-api.ts';
import App from './App.vue';
import { makeRouter } from './router.ts';
import { useSession } from './stores/session.ts';

const pinia = createPinia();
const api = makeServerApi({
  fetch: (input, init) => fetch(input, init),
  persisted: new Map(Object.entries(hashes).map(([name, hash]) => [DOCUMENTS[name as DocumentName], hash])),
  workspace: () => /^\/w\/([^/]+)/.exec(location.pathname)?.[1],
  // Another role than a moment ago, or none: the frame and every page look at what may be done anew.
  onRefused: (kind) => {
    const session = useSession(pinia);
    if (kind === 'signedOut') session.isOver = session.person !== undefined;
    else session.refresh(api);
  },
});
// A newer version of the pages was put on the server; what this one would load next is gone.
addEventListener('vite:preloadError', (event) => {
  event.preventDefault();
  location.reload();
});
/** Not in the production build. */
const gallery: RouteRecordRaw[] = __GALLERY__
  ? [
      {
        path: '/gallery/:rest(.*)*',
        name: 'gallery',
        component: () => import('./gallery/GalleryPage.vue'),
        meta: { isPublic: true, title: 'Gallery' },
      },
    ]
  : [];
createApp(App)
  .use(pinia)
  .use(makeRouter(createWebHistory(), api, gallery))
  .provide(API_KEY, api)
  .mount('#app');
