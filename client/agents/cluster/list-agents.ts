/**
 * The Agents of a cluster and who works on them, for `kgents infra status`.
 *
 * @module
 */
import { ClusterError } from "#cells/kubernetes/api/cluster-error";
import type { KubernetesJson } from "#cells/kubernetes/api/kubernetes-json";
import type { Objects } from "#cells/kubernetes/api/objects";
import { resourceTypes } from "#cells/kubernetes/api/resource-types";
import { type RecordedVerdict, verdictOn } from "#cells/kubernetes/infra/recorded-verdict";
import type { Agent } from "#core/agents/agent";
import { agentNamespace } from "#core/agents/names";
import { type OperatorStatus, operatorStatus } from "#operator/leader/operator-status";
import { clusterFailure, lacksAgents } from "./cluster-refusal.ts";

/** An Agent in a list. */
export interface ListedAgent {
  readonly namespace: string;
  readonly name: string;
  readonly genus: string;
  /** How many pods are wanted. */
  readonly replicas: number;
  /** How many pods are ready. */
  readonly ready: number;
  readonly phase: string;
  /** Why it is not ready, or as what it is, in a word. */
  readonly reason: string;
  readonly message: string;
}

/** The Agents of a cluster. */
export interface AgentsReport {
  /** Whether the cluster knows the kind Agent. */
  readonly installed: boolean;
  /** Why the Agents could not be read; null if they could. */
  readonly unreadable: string | null;
  readonly agents: readonly ListedAgent[];
  /** Each namespace that has Agents, and the usual one. */
  readonly operators: readonly ServedNamespace[];
}

/** Who works on the Agents of a namespace, and whether it isolates them. */
export interface ServedNamespace {
  readonly namespace: string;
  /** Null if it may not be read. */
  readonly state: OperatorStatus | null;
  /** What the canary of `kgents infra init --agents` found. Null if there is no such namespace, or it may not be read. */
  readonly isolation: RecordedVerdict | null;
}

function listed({ metadata, spec, status = {} }: Agent): ListedAgent {
  const conditionOf = (type: string) => status.conditions?.find((condition) => condition.type === type);
  const accepted = conditionOf("Accepted");
  const condition = accepted?.status === "False" ? accepted : conditionOf("Ready");
  return {
    namespace: String(metadata.namespace),
    name: metadata.name,
    genus: spec.genus,
    replicas: spec.replicas,
    ready: status.readyReplicas ?? 0,
    phase: status.phase ?? "Pending",
    reason: condition?.reason ?? "NotObserved",
    message: condition?.message ?? "no operator has looked at it yet",
  };
}

const isForbidden = (error: unknown): error is ClusterError => error instanceof ClusterError && error.status === 403;

/** The Agents of all namespaces; of the usual one if nothing else may be read. */
async function readAgents(objects: Objects): Promise<readonly Agent[]> {
  try {
    return await objects.list<Agent>(resourceTypes.Agent, { namespace: "*" });
  } catch (error) {
    if (!isForbidden(error)) throw error;
    return objects.list<Agent>(resourceTypes.Agent, { namespace: agentNamespace });
  }
}

/** Null if this account may not read it. */
async function unlessForbidden<Value>(reading: Promise<Value>): Promise<Value | null> {
  try {
    return await reading;
  } catch (error) {
    if (isForbidden(error)) return null;
    throw error;
  }
}

async function readNamespace(objects: Objects, namespace: string): Promise<ServedNamespace> {
  const [state, found] = await Promise.all([
    unlessForbidden(operatorStatus(objects, namespace)),
    unlessForbidden(objects.get<KubernetesJson>(resourceTypes.Namespace, { name: namespace })),
  ]);
  return { namespace, state, isolation: found ? verdictOn(found) : null };
}

/**
 * Lists the Agents.
 *
 * @throws KgentsError if the cluster does not answer
 */
export async function listAgents(objects: Objects): Promise<AgentsReport> {
  try {
    const agents = (await readAgents(objects)).map(listed);
    const namespaces = [...new Set([agentNamespace, ...agents.map(({ namespace }) => namespace)])];
    const operators = await Promise.all(namespaces.map((namespace) => readNamespace(objects, namespace)));
    return { installed: true, unreadable: null, agents, operators };
  } catch (error) {
    const none = { agents: [], operators: [] };
    if (lacksAgents(error)) return { installed: false, unreadable: null, ...none };
    if (isForbidden(error)) return { installed: true, unreadable: error.message, ...none };
    throw clusterFailure(error);
  }
}
