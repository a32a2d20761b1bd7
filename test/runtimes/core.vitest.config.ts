import { defineConfig } from 'vitest/config'

/** The core's tests, which need no database server: `prove -- runtimes` runs them in other runtimes than Node. */
export default defineConfig({
  test: {
    root: new URL('../..', import.meta.url).pathname,
    include: [
      ...['client', 'grants', 'login', 'model', 'providers', 'refresh', 'seal', 'session', 'testing', 'util'].map(
        (folder) => `test/${folder}/**/*.test.ts`,
      ),
      'test/stores/{memory,over-map,sqlite}*.test.ts',
    ],
    // It calls V8's garbage collector.
    exclude: ['test/refresh/collected.test.ts', '**/node_modules/**'],
    // A runtime that compiles for each file, on a machine that does other work too.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    maxWorkers: 2,
  },
})
