/** The boot of the pages, top to bottom: styles, the server's API, stores, addresses, the page. */
import './styles/index.css';
import { createPinia } from 'pinia';
import { createApp } from 'vue';
import { createWebHistory, type RouteRecordRaw } from 'vue-router';
import { makeServerApi } from './api/server-api.ts';
import { API_KEY } from './api/use-api.ts';
import App from './App.vue';
import { makeRouter } from './router.ts';

const api = makeServerApi({ fetch: (input, init) => fetch(input, init), workspace: () => /^\/w\/([^/]+)/.exec(location.pathname)?.[1] });
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
  .use(createPinia())
  .use(makeRouter(createWebHistory(), api, gallery))
  .provide(API_KEY, api)
  .mount('#app');
