import vue from '@vitejs/plugin-vue';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  plugins: [vue()],
  // The browser's half of other workspaces is read from their sources, as everywhere in tests.
  resolve: { conditions: ['development', 'browser', 'module', 'import', 'default'] },
  define: { __GALLERY__: 'true' },
  test: {
    name: 'ui',
    environment: 'happy-dom',
    include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
    testTimeout: 60_000,
    expect: { poll: { timeout: 30_000 } },
    hookTimeout: 120_000,
  },
});
