import { defineConfig } from "vitest/config";

/** The tests that need no server and no cluster. */
export default defineConfig({
  test: { include: ["test/unit/**/*.test.ts"], testTimeout: 60_000, hookTimeout: 60_000 },
});
