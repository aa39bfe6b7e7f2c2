/**
 * The status of each backend on this machine. Changes nothing.
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
    // Only the status is read, so no cells need to be marked.
    instance: "status",
    log: () => {},
  });
  return backend.status();
}

/**
 * The sandbox of this machine. The check uses a temporary directory, which is removed again, and not the state
 * directory.
 */
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
