/**
 * What each backend says of itself on this machine. It only looks.
 *
 * @module
 */
import { join } from "node:path";
import type { BackendStatus } from "../activities/backends/backend.ts";
import { createKubernetesBackend } from "../activities/backends/kubernetes/backend.ts";
import { createSubprocessBackend } from "../activities/backends/subprocess/backend.ts";
import { kgentsPaths } from "../activities/host/paths.ts";
import type { Configuration } from "../core/configuration.ts";

/** The cluster of the kubeconfig. */
export async function clusterStatus({ worker }: Configuration): Promise<BackendStatus> {
  const { context, namespace, runtimeClassName, networkIsolation } = worker.kubernetes;
  const backend = createKubernetesBackend({
    ...{ context, namespace, runtimeClassName, networkIsolation },
    // It only looks.
    instance: "status",
    log: () => {},
  });
  return backend.status();
}

/** The sandbox of this machine. */
export async function sandboxStatus(): Promise<BackendStatus> {
  const paths = kgentsPaths();
  const backend = createSubprocessBackend({
    stateDirectory: join(paths.state, "cells", `status-${process.pid}`),
    cacheDirectory: paths.cache,
    installTools: false,
    log: () => {},
  });
  try {
    return await backend.status();
  } finally {
    await backend.close();
  }
}
