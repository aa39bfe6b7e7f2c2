/** A kind cluster, for machines with Docker. */
import { access, mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { kgentsPaths } from "#platform/host/paths";
import { run, runOrFail } from "../support/run.ts";
import type { ClusterDescription } from "./types.ts";

const name = "kgents-test";
const kubeconfig = join(dirname(kgentsPaths().state), "kgents-test-cluster", "kind-kubeconfig");

export const runsDocker = (): Promise<boolean> =>
  run(["docker", "info"]).then(
    ({ code }) => code === 0,
    () => false,
  );

/** @returns whether this call started it, rather than finding it running */
export async function kindUp(progress: (line: string) => void): Promise<boolean> {
  if (await kindDescription()) return false;
  progress("creating a kind cluster (about 1 minute)");
  await mkdir(dirname(kubeconfig), { recursive: true, mode: 0o700 });
  await runOrFail(["kind", "create", "cluster", "--name", name, "--kubeconfig", kubeconfig, "--wait", "120s"]);
  return true;
}

export async function kindDown(): Promise<void> {
  await runOrFail(["kind", "delete", "cluster", "--name", name, "--kubeconfig", kubeconfig]);
}

export async function kindDescription(): Promise<ClusterDescription | undefined> {
  const clusters = await runOrFail(["kind", "get", "clusters"]);
  if (!clusters.split("\n").includes(name)) return undefined;
  await access(kubeconfig);
  return { kind: "kind", kubeconfig, node: null };
}
