import { createObjects, type Objects } from "#cells/kubernetes/api/objects";
import { connectInfra, type InfraCluster } from "#cells/kubernetes/infra/infra-cluster";
import { agentNamespace } from "#core/agents/names";
import type { NetworkIsolationPolicy } from "#operator/see/isolation";
import { loadConfiguration } from "#platform/host/configuration-file";

/** Flags that say which cluster is meant. */
export interface ClusterFlags {
  readonly context?: string;
  readonly namespace?: string;
  readonly config?: string;
}

/** A cluster with Agents. */
export interface AgentCluster {
  readonly cluster: InfraCluster;
  readonly objects: Objects;
  /** Whether Agents run only where network isolation is proved, as this machine's configuration says. */
  readonly networkIsolation: NetworkIsolationPolicy;
}

/** Connects. @throws KgentsError `cluster-unavailable` if the cluster does not answer */
export async function connectAgents(flags: ClusterFlags): Promise<AgentCluster> {
  const { configuration } = await loadConfiguration({ path: flags.config });
  const { operator, worker } = configuration;
  const context = flags.context ?? operator.context ?? worker.kubernetes.context;
  const cluster = await connectInfra({ context, namespace: flags.namespace ?? agentNamespace });
  return { cluster, objects: createObjects(cluster), networkIsolation: operator.networkIsolation };
}
