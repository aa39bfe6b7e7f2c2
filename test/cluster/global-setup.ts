import type { TestProject } from "vitest/node";
import { chooseProvider, isClusterOff, type Provider } from "./choose.ts";
import type { ClusterDescription } from "./types.ts";

declare module "vitest" {
  export interface ProvidedContext {
    /** For `connectCluster`; null if KGENTS_TEST_CLUSTER=off leaves the cluster out. */
    cluster: ClusterDescription | null;
  }
}

let started: Provider | undefined;

/** Starts the cluster unless it is running. Stops it at the end only if it was started here. */
export async function setup(project: TestProject): Promise<void> {
  if (isClusterOff()) {
    process.stderr.write("tests: KGENTS_TEST_CLUSTER=off: no cluster, and no tests on one\n");
    project.provide("cluster", null);
    return;
  }
  const provider = await chooseProvider();
  if (await provider.up((line) => process.stderr.write(`tests: ${line}\n`))) started = provider;
  project.provide("cluster", (await provider.describe()) ?? null);
}

export async function teardown(): Promise<void> {
  await started?.down();
}
