import { defineConfig } from "vitest/config";

/** The tests that run inside the emulated machine, where every step takes ten times as long. */
export default defineConfig({
  test: {
    root: new URL("../..", import.meta.url).pathname,
    include: ["test/machine/*.machine.ts", "test/sandbox/{limits,crash}.test.ts"],
    maxWorkers: 1,
    testTimeout: 300_000,
    hookTimeout: 300_000,
  },
});
