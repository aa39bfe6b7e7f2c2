/** A single real node, built from Go modules, for Linux machines without Docker. */
import { join } from "node:path";
import { acquireLock } from "../../../activities/host/process-lock.ts";
import type { ClusterDescription } from "../cluster.ts";
import { build } from "./build.ts";
import { findNode, nodeEnvironment, startNode, stopNode } from "./node.ts";
import { installPackages } from "./packages.ts";
import { lockFile, nodeDirectory } from "./paths.ts";

/** Whoever waits may wait for a cold build. */
const lockMilliseconds = 1_800_000;

/** @returns whether this call brought it up, and it was not up already */
export async function nativeUp(progress: (line: string) => void): Promise<boolean> {
  await using _lock = await acquireLock(lockFile, { waitMilliseconds: lockMilliseconds });
  if (await findNode()) return false;
  await installPackages(progress);
  const built = await build(progress);
  progress("starting a Kubernetes node in namespaces of its own (about 15 seconds)");
  await startNode(built);
  return true;
}

export async function nativeDown(): Promise<void> {
  await using _lock = await acquireLock(lockFile, { waitMilliseconds: lockMilliseconds });
  await stopNode();
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
