import { defineConfig } from "vitest/config";

/** The tests that need a cluster, one file after the other: some of them stop parts of it. */
export default defineConfig({
  test: {
    include: ["test/kubernetes/**/*.test.ts"],
    globalSetup: ["test/support/global-setup.ts", "test/cluster/global-setup.ts"],
    fileParallelism: false,
    testTimeout: 120_000,
    // The first time on a machine the cluster is built.
    hookTimeout: 1_800_000,
  },
});
