import { dirname, join } from "node:path";
import { configDefaults, defineConfig } from "vitest/config";
import { kgentsPaths } from "#platform/host/paths";
import { isClusterOff } from "./test/cluster/choose.ts";
import { isLeftOut } from "./test/support/left-out.ts";
import { LongestFirst } from "./test/support/longest-first.ts";

// The tests start some thousand processes of Node.js, most of which load the same modules. Node keys this cache by content.
process.env.NODE_COMPILE_CACHE ??= join(dirname(kgentsPaths().cache), "kgents-test", "compile");

const temporal = "test/support/global-setup.ts";
const cluster = "test/cluster/global-setup.ts";

/** Settings of all groups. */
const common = {
  // Real servers, workers and sandboxes run beside the tests. Much of what a file does is to wait for them.
  maxWorkers: 4,
  testTimeout: 60_000,
  hookTimeout: 120_000,
  // To load Temporal's modules anew for each file takes a tenth of a run's computing time.
  isolate: false,
  setupFiles: ["test/support/restore-environment.ts"],
  // On CI, a test that fails is run once more: a machine that stood still for a moment decides nothing. CI names each test
  // that needed it.
  retry: process.env.CI === "true" ? 1 : 0,
};

/** What needs no cluster, and beside it what needs one to itself: it mostly waits. */
const local = {
  ...common,
  name: "local",
  include: ["test/**/*.test.ts"],
  exclude: [
    ...configDefaults.exclude,
    // Unit tests run before: vitest.unit.config.ts.
    ...["test/unit/**", "test/buckets/**", "test/kubernetes/**", "test/production/**"],
    // They run once: on the production stack where there is one.
    ...(isLeftOut("PRODUCTION") ? [] : ["test/workflows/**"]),
  ],
  globalSetup: [temporal],
  sequence: { groupOrder: 0 },
};

/** These stop parts of the cluster, so that no other test may use it meanwhile. */
const alone = {
  ...common,
  name: "kubernetes-alone",
  include: ["test/kubernetes/alone.test.ts"],
  globalSetup: [temporal, cluster],
  testTimeout: 120_000,
  sequence: { groupOrder: 0 },
};

/** The first issue's workflow tests too, on PostgreSQL and with client certificates. */
const production = {
  ...common,
  name: "production",
  include: ["test/production/**/*.test.ts", "test/workflows/**/*.test.ts"],
  // Workers in a cluster need one.
  exclude: [...configDefaults.exclude, ...(isClusterOff() ? ["test/production/workers/**"] : [])],
  globalSetup: ["test/production/global-setup.ts", cluster],
  setupFiles: [...common.setupFiles, "test/production/environment.ts"],
  sequence: { groupOrder: 1 },
};

/** Artifacts in a bucket of a real S3-compatible server. */
const buckets = {
  ...common,
  name: "buckets",
  include: ["test/buckets/**/*.test.ts"],
  globalSetup: [temporal, "test/buckets/global-setup.ts"],
  sequence: { groupOrder: 1 },
};

const kubernetes = {
  ...common,
  name: "kubernetes",
  include: ["test/kubernetes/**/*.test.ts"],
  exclude: [...configDefaults.exclude, ...alone.include],
  globalSetup: [temporal, cluster],
  testTimeout: 240_000,
  sequence: { groupOrder: 1 },
};

/** What is polled for comes when it comes: other tests share the machine. */
const patient = { expect: { poll: { timeout: 30_000 } } };

const all = [
  local,
  ...(isLeftOut("PRODUCTION") ? [] : [production, buckets]),
  ...(isClusterOff() ? [] : [alone, kubernetes]),
];

export default defineConfig({
  test: {
    sequence: { sequencer: LongestFirst },
    projects: all.map((test) => ({ test: { ...patient, ...test } })),
  },
});
