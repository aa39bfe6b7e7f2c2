import { configDefaults, defineConfig } from "vitest/config";
import { isClusterOff } from "./test/cluster/choose.ts";
import { isLeftOut } from "./test/support/left-out.ts";

const temporal = "test/support/global-setup.ts";
const cluster = "test/cluster/global-setup.ts";
/** These stop parts of the cluster, so that no other test may use it meanwhile. */
const outages = ["cluster", "outages", "infra-verdict"].map((name) => `test/kubernetes/${name}.test.ts`);

const local = {
  name: "local",
  include: ["test/**/*.test.ts"],
  exclude: [...configDefaults.exclude, "test/buckets/**", "test/kubernetes/**", "test/production/**"],
  globalSetup: [temporal],
  // Real servers, workers and sandboxes run beside the tests: more than two files at once only makes them wait.
  maxWorkers: 2,
  testTimeout: 60_000,
  hookTimeout: 120_000,
  sequence: { groupOrder: 0 },
};

/** The first issue's workflow tests too, on PostgreSQL and with client certificates. */
const production = {
  ...local,
  name: "production",
  include: ["test/production/**/*.test.ts", "test/workflows/**/*.test.ts"],
  // Workers in a cluster need one.
  exclude: [...configDefaults.exclude, ...(isClusterOff() ? ["test/production/workers/**"] : [])],
  globalSetup: ["test/production/global-setup.ts", cluster],
  setupFiles: ["test/production/environment.ts"],
  sequence: { groupOrder: 1 },
};

/** Artifacts in a bucket of a real S3-compatible server. */
const buckets = {
  ...local,
  name: "buckets",
  include: ["test/buckets/**/*.test.ts"],
  exclude: configDefaults.exclude,
  globalSetup: [temporal, "test/buckets/global-setup.ts"],
  sequence: { groupOrder: 1 },
};

const kubernetes = {
  name: "kubernetes",
  include: ["test/kubernetes/**/*.test.ts"],
  exclude: [...configDefaults.exclude, ...outages],
  globalSetup: [temporal, cluster],
  maxWorkers: 2,
  testTimeout: 120_000,
  hookTimeout: 120_000,
  // With those of production: what waits for a cluster leaves the processors to them.
  sequence: { groupOrder: 1 },
};

const brokenKubernetes = {
  ...kubernetes,
  name: "kubernetes-outages",
  include: outages,
  exclude: configDefaults.exclude,
  maxWorkers: 1,
  sequence: { groupOrder: 2 },
};

/** What is polled for comes when it comes: other tests share the machine. */
const patient = { expect: { poll: { timeout: 30_000 } } };

const all = [
  local,
  ...(isLeftOut("PRODUCTION") ? [] : [production, buckets]),
  ...(isClusterOff() ? [] : [kubernetes, brokenKubernetes]),
];

export default defineConfig({ test: { projects: all.map((test) => ({ test: { ...patient, ...test } })) } });
