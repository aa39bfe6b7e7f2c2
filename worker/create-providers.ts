import { createHash } from "node:crypto";
import { join } from "node:path";
import { isClusterConfigured } from "#cells/kubernetes/api/cluster-client";
import { createKubernetesProvider } from "#cells/kubernetes/provider";
import type { CellProvider } from "#cells/provider";
import { createSubprocessProvider } from "#cells/subprocess/provider";
import type { WorkerPolicy } from "#core/configuration/configuration";
import { KgentsError } from "#core/contract/error";
import type { BackendName } from "#core/contract/result";
import { temporalUnavailable } from "#platform/temporal/temporal-unavailable";
import { callMilliseconds, type WorkerConnections } from "./connect.ts";
import type { WorkerSettings } from "./worker-settings.ts";

/** What providers are created from. */
export interface ProvidersOf extends Pick<WorkerSettings, "configuration" | "paths" | "log"> {
  readonly hostId: string;
  /** Needed for a cluster only. */
  readonly connections: Promise<WorkerConnections>;
}

/**
 * Marks the cells of all workers that share a namespace of a Temporal cluster. Workers of other instances must not take
 * these cells for abandoned.
 */
async function instanceOf({ client, namespace, address, tls }: WorkerConnections): Promise<string> {
  const asked = client.withDeadline(Date.now() + callMilliseconds, () => client.workflowService.getClusterInfo({}));
  const { clusterId } = await asked.catch(async (error) => {
    throw await temporalUnavailable({ address, namespace, tls }, error);
  });
  return createHash("sha256").update(`${clusterId}\0${namespace}`).digest("hex").slice(0, 16);
}

async function kubernetesProvider({ configuration, connections, paths, log }: ProvidersOf): Promise<CellProvider> {
  const provider = createKubernetesProvider({
    ...configuration.worker.kubernetes,
    maximumStartsPerSecond: configuration.worker.maximumStartsPerSecond,
    instance: await instanceOf(await connections),
    cacheDirectory: paths.cache,
    log: (line) => log.warn(line),
  });
  const { available, summary } = await provider.status();
  log.info({ available, summary }, available ? "the cluster is prepared" : "the cluster cannot be used now");
  return provider;
}

async function subprocessProvider({ configuration, paths, log, hostId }: ProvidersOf): Promise<CellProvider> {
  const provider = createSubprocessProvider({
    stateDirectory: join(paths.state, "cells", hostId),
    cacheDirectory: paths.cache,
    unsandboxed: configuration.worker.unsandboxed,
    maximumCells: configuration.worker.maximumCells,
    maximumStartsPerSecond: configuration.worker.maximumStartsPerSecond,
    limits: configuration.worker.limits,
    installTools: true,
    log: (line) => log.info(line),
  });
  const { available, summary } = await provider.status();
  if (!available) log.warn({ summary }, "the sandbox is not available; runs that need it are refused");
  return provider;
}

/**
 * Why a worker serves no cluster although one is configured; undefined if none is configured or one is served. Reads
 * files and variables only.
 */
export function missingCluster(
  { backends, kubernetes }: Pick<WorkerPolicy, "backends" | "kubernetes">,
  environment: NodeJS.ProcessEnv = process.env,
): string | undefined {
  if (!backends.includes("kubernetes") || isClusterConfigured(environment)) return undefined;
  if (environment.KUBECONFIG) return `KUBECONFIG names ${environment.KUBECONFIG}, which does not exist`;
  if (kubernetes.context === undefined) return undefined;
  return `worker.kubernetes.context names ${kubernetes.context}, but there is no kubeconfig`;
}

/**
 * Creates the providers of the backends that a worker serves. Kubernetes is left out if this machine has no kubeconfig, unless it is the
 * only backend.
 *
 * @throws KgentsError `backend-unavailable` if none is left
 */
export async function createProviders(about: ProvidersOf): Promise<Partial<Record<BackendName, CellProvider>>> {
  const { backends } = about.configuration.worker;
  const [kubernetes, subprocess] = await Promise.all([
    backends.includes("kubernetes") && isClusterConfigured() ? kubernetesProvider(about) : undefined,
    backends.includes("subprocess") ? subprocessProvider(about) : undefined,
  ]);
  if (kubernetes || subprocess) return { ...(kubernetes && { kubernetes }), ...(subprocess && { subprocess }) };
  throw new KgentsError(
    "backend-unavailable",
    "worker.backends: got only kubernetes, but no cluster is configured: there is no kubeconfig",
    { remedy: "Set KUBECONFIG, or serve subprocess too." },
  );
}
