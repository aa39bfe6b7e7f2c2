/** A single real node, built from Go modules, for Linux machines without Docker. */
import { join } from "node:path";
import { acquireLock } from "#platform/host/process-lock";
import type { ClusterDescription } from "../types.ts";
import { build } from "./build.ts";
import { findNode, isUp, nodeEnvironment, nodeRemains, startNode, stopNode } from "./node.ts";
import { ensurePackages } from "./packages.ts";
import { lockFile, nodeDirectory } from "./paths.ts";

/** A process that waits for the lock may wait for a cold build. */
const lockMilliseconds = 1_800_000;

/** @returns whether this call started it, rather than finding it running */
export async function nativeUp(progress: (line: string) => void): Promise<boolean> {
  await using _lock = await acquireLock(lockFile, { waitMilliseconds: lockMilliseconds });
  if ((await findNode()) && (await isUp())) return false;
  ensurePackages(progress);
  const built = await build(progress);
  progress("starting a Kubernetes node in namespaces of its own (about 15 seconds)");
  await startNode(built);
  return true;
}

/** @throws naming what is left behind, if anything is */
export async function nativeDown(): Promise<void> {
  await using _lock = await acquireLock(lockFile, { waitMilliseconds: lockMilliseconds });
  await stopNode();
  const remains = await nodeRemains();
  if (remains.length > 0) throw new Error(`the test cluster's node left something behind: ${remains.join(", ")}`);
}

export async function nativeDescription(): Promise<ClusterDescription | undefined> {
  const node = await findNode();
  if (node === undefined) return undefined;
  return {
    kind: "native",
    kubeconfig: join(nodeDirectory, "kubeconfig"),
    node: {
      process: node.first.pid,
      kubectl: join(node.build.programs, "kube"),
      environment: nodeEnvironment(node.build),
    },
  };
}
