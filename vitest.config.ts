import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    // They have a set-up of their own: `npm run test:cluster`.
    exclude: ["test/kubernetes/**"],
    globalSetup: ["test/support/global-setup.ts"],
    // Real servers, workers and sandboxes run beside the tests: more than two files at once only makes them wait.
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 120_000,
    reporters: process.env.CI ? ["default"] : ["default"],
  },
});
