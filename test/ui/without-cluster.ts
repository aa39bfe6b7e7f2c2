/** Workers whose cluster is unavailable. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { KubeConfig } from "@kubernetes/client-node";
import type { CellProvider } from "#cells/provider";
import { createSubprocessProvider } from "#cells/subprocess/provider";
import { kgentsPaths } from "#platform/host/paths";
import { startTestWorker, type TestWorker } from "../support/test-worker.ts";

/** Writes a kubeconfig for a server, whether or not it exists. */
export async function kubeconfigTo(server: string, path: string): Promise<string> {
  const config = new KubeConfig();
  config.loadFromClusterAndUser({ name: "away", server, skipTLSVerify: true }, { name: "nobody" });
  await writeFile(path, config.exportConfig());
  return path;
}

/** A worker for the sandbox and a cluster. */
export function workerWithBoth(address: string, kubernetes: CellProvider, directory: string): Promise<TestWorker> {
  const subprocess = createSubprocessProvider({
    stateDirectory: join(directory, "cells"),
    cacheDirectory: kgentsPaths().cache,
    installTools: true,
    log: () => {},
  });
  return startTestWorker(address, { providers: { kubernetes, subprocess } });
}
