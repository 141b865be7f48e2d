import { defineConfig } from 'vitest/config';

// Workspaces are tested from their sources: the `development` export condition points at src/.
const conditions = ['development', 'module-sync', 'node'];

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    environment: 'node',
    pool: 'forks',
    maxWorkers: 2,
    // What is waited for may take its time on a machine that is busy with other things.
    expect: { poll: { timeout: 30_000 } },
    projects: [
      'ui',
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['packages/*/src/**/*.test.ts', 'plugins/*/src/**/*.test.ts', 'scripts/**/*.test.ts'],
          // What a test may take on a machine that is busy with other things; a hung one still ends.
          testTimeout: 60_000,
          hookTimeout: 120_000,
        },
      },
      {
        // Whole processes: real databases, servers that are killed. One file at a time, after the rest, so that they do not starve each other.
        extends: true,
        test: {
          name: 'system',
          include: ['packages/*/test/**/*.test.ts'],
          testTimeout: 240_000,
          hookTimeout: 240_000,
          fileParallelism: false,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
