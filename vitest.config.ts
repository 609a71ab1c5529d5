import { defineConfig } from 'vitest/config';
import { SummaryReporter } from './tests/support/summaryReporter.js';

export default defineConfig({
  test: {
    include: ['tests/**/*.test.ts'],
    // Native addons and child processes want processes, not threads. Two files at once is what two cores bear.
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 20_000,
    hookTimeout: 60_000,
    reporters: ['default', new SummaryReporter()],
  },
});
