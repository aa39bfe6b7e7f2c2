import { defineConfig } from "vitest/config";

/**
 * The tests that need no server and no cluster. `npm test` runs them first, before anything is started, and ends if one
 * fails.
 */
export default defineConfig({
  test: {
    include: ["test/unit/**/*.test.ts"],
    // Some wait for processes more than they compute.
    maxWorkers: 3,
    // A process for each file would take more time than the tests.
    isolate: false,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // CI counts these tests, too.
    reporters: process.env.CI ? ["default", ["json", { outputFile: ".ci/unit-report.json" }]] : ["default"],
  },
});
