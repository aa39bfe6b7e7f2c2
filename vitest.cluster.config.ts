import { defineConfig } from "vitest/config";

/** The tests of the test cluster itself; kgents has no Kubernetes backend yet that `npm test` could try on it. */
export default defineConfig({
  test: {
    include: ["test/kubernetes/**/*.test.ts"],
    globalSetup: ["test/cluster/global-setup.ts"],
    maxWorkers: 1,
    testTimeout: 120_000,
    // The first time on a machine the cluster is built.
    hookTimeout: 1_800_000,
  },
});
