import tailwindcss from '@tailwindcss/vite';
import vue from '@vitejs/plugin-vue';
import { defineConfig } from 'vite';
import { operationHashes } from './scripts/operations.ts';

const server = process.env['PLUGBOARD_DEV_SERVER'] ?? 'http://127.0.0.1:7400';
/** The server refuses changes from pages of another origin; in development these pages are its own. */
const proxied = { target: server, changeOrigin: true, headers: { origin: server } };

export default defineConfig(({ mode }) => ({
  plugins: [vue(), tailwindcss(), operationHashes({ isProduction: mode === 'production' })],
  // Other workspaces are read from their sources, as everywhere in development.
  resolve: { conditions: ['development', 'module', 'browser', 'import', 'default'] },
  define: { __GALLERY__: JSON.stringify(mode !== 'production') },
  build: {
    target: 'es2022',
    // Everything is a file of our own origin: the content security policy allows no inlined data except images.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    outDir: mode === 'production' ? 'dist' : 'dist-gallery',
    reportCompressedSize: false,
    rolldownOptions: {
      // What several pages share would otherwise be fifty files of a kilobyte or two, each with a way of its own to the browser.
      output: { codeSplitting: { groups: [{ name: 'shared', minShareCount: 4 }] } },
      // The pure packages do nothing at import, so what a page does not use of them stays out of its bundle.
      treeshake: {
        moduleSideEffects: [{ test: /\/packages\/(?:engine|expression|sdk)\/|\/node_modules\/(?:acorn|luxon)\//, sideEffects: false }],
      },
    },
    manifest: true,
    license: { fileName: 'licences/bundled.md' },
  },
  server: {
    host: '127.0.0.1',
    port: 7401,
    strictPort: true,
    proxy: {
      '/graphql': proxied,
      '/api': proxied,
      '/auth': proxied,
      '/socket.io': { ...proxied, ws: true },
    },
  },
}));
