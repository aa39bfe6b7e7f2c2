/**
 * The status of each backend on this machine. Changes nothing.
 *
 * @module
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createKubernetesProvider } from "#cells/kubernetes/provider";
import type { ProviderStatus } from "#cells/provider";
import { createSubprocessProvider } from "#cells/subprocess/provider";
import type { Configuration } from "#core/configuration/configuration";
import { kgentsPaths } from "#platform/host/paths";

/** The cluster of the kubeconfig. */
export async function clusterStatus({ worker }: Configuration): Promise<ProviderStatus> {
  const provider = createKubernetesProvider({
    ...worker.kubernetes,
    // Only the status is read, so no cells need to be marked.
    instance: "status",
    log: () => {},
  });
  return provider.status();
}

/**
 * The sandbox of this machine. The check uses a temporary directory, which is removed again, and not the state
 * directory.
 */
export async function sandboxStatus(): Promise<ProviderStatus> {
  const stateDirectory = await mkdtemp(join(tmpdir(), "kgents-status-"));
  const cacheDirectory = kgentsPaths().cache;
  const provider = createSubprocessProvider({ stateDirectory, cacheDirectory, installTools: false, log: () => {} });
  try {
    return await provider.status();
  } finally {
    await provider.close();
    await rm(stateDirectory, { recursive: true, force: true });
  }
}
