/**
 * What each backend says of itself on this machine. It only looks.
 *
 * @module
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createKubernetesBackend } from "#cells/kubernetes/provider";
import type { BackendStatus } from "#cells/provider";
import { createSubprocessBackend } from "#cells/subprocess/provider";
import type { Configuration } from "#core/configuration/configuration";
import { kgentsPaths } from "#platform/host/paths";

/** The cluster of the kubeconfig. */
export async function clusterStatus({ worker }: Configuration): Promise<BackendStatus> {
  const backend = createKubernetesBackend({
    ...worker.kubernetes,
    // It only looks.
    instance: "status",
    log: () => {},
  });
  return backend.status();
}

/** The sandbox of this machine. What it needs to look goes again; the state directory is left alone. */
export async function sandboxStatus(): Promise<BackendStatus> {
  const stateDirectory = await mkdtemp(join(tmpdir(), "kgents-status-"));
  const cacheDirectory = kgentsPaths().cache;
  const backend = createSubprocessBackend({ stateDirectory, cacheDirectory, installTools: false, log: () => {} });
  try {
    return await backend.status();
  } finally {
    await backend.close();
    await rm(stateDirectory, { recursive: true, force: true });
  }
}
