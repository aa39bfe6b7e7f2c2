/** Operators in this process, on a namespace of their own, and Agents for them. */
import { join } from "node:path";
import { createClusterClient } from "#cells/kubernetes/api/cluster-client";
import type { KubernetesJson } from "#cells/kubernetes/api/kubernetes-json";
import { resourceTypes } from "#cells/kubernetes/api/resource-types";
import type { AgentStatus } from "#core/agents/agent";
import { agentDefaults } from "#core/agents/agent-defaults";
import type { AgentSpecInput } from "#core/agents/agent-spec";
import { agentCrdName } from "#core/agents/names";
import { createOperatorMetrics } from "#operator/report/metrics";
import type { RolloutRecorder } from "#operator/report/rollout-recorder";
import { startOperator } from "#operator/run-operator";
import { createLogger } from "#platform/host/logger";
import { type CellNamespace, cellNamespace, cluster, kubectl } from "../support.ts";

/** Installs the definition of Agents. It stays: other tests use it, too. */
export async function installCrd(): Promise<void> {
  const file = join(import.meta.dirname, "../../../deploy/agents/1-crd.yaml");
  await kubectl(["apply", "--server-side", "--force-conflicts", "-f", file]);
  await kubectl(["wait", "--for=condition=Established", `crd/${agentCrdName}`, "--timeout=60s"]);
}

/** An Agent as the API server has it. */
export interface StoredAgent extends KubernetesJson {
  readonly spec: AgentSpecInput;
  readonly status?: AgentStatus;
}

/** Removes pods of Agents at once. */
const terminationGracePeriodSeconds = 0;

/** The image that an Agent gets without one of its own. */
export const image = agentDefaults.image;

/** A spec whose pod sleeps. */
export const sleeping = (spec: Partial<AgentSpecInput> = {}): AgentSpecInput => ({
  genus: "B",
  command: ["sh", "-c", "exec sleep 2147483647"],
  resources: { cpu: "100m", memory: "64Mi", requests: { cpu: "10m", memory: "16Mi" } },
  terminationGracePeriodSeconds,
  ...spec,
});

/** A namespace for Agents. */
export interface AgentNamespace extends Omit<CellNamespace, "apply" | "left"> {
  /** Applies an Agent as a user. */
  readonly applyAgent: (name: string, spec: AgentSpecInput) => Promise<StoredAgent>;
  readonly agent: (name: string) => Promise<StoredAgent | undefined>;
  /** The reason of an Agent's condition, of its present generation; undefined before the operator wrote it. */
  readonly reason: (name: string, type?: "Ready" | "Accepted" | "Progressing") => Promise<string | undefined>;
  /** Kind and name of the objects that belong to Agents, pods and ReplicaSets left out. */
  readonly children: () => Promise<string[]>;
  readonly get: <Item extends KubernetesJson>(
    kind: keyof typeof resourceTypes,
    name: string,
  ) => Promise<Item | undefined>;
  /** The notes of an Agent's events with a reason. */
  readonly events: (name: string, reason: string) => Promise<string[]>;
}

const childResources = "serviceaccounts,configmaps,networkpolicies,services,deployments";

export async function createAgentNamespace(): Promise<AgentNamespace> {
  await installCrd();
  const namespace = await cellNamespace();
  const { objects } = namespace;
  const agent = (name: string) => objects.get<StoredAgent>(resourceTypes.Agent, { name });
  return {
    ...namespace,
    applyAgent: async (name, spec) => {
      const wanted: StoredAgent = { apiVersion: "kgents.io/v1", kind: "Agent", metadata: { name }, spec };
      return (await objects.apply(wanted, { fieldManager: "kgents", force: true })).object;
    },
    agent,
    reason: async (name, type = "Ready") => {
      const { metadata, status } = (await agent(name)) ?? {};
      const condition = status?.conditions?.find((each) => each.type === type);
      return condition?.observedGeneration === metadata?.generation ? condition?.reason : undefined;
    },
    children: async () => {
      const names = await namespace.kubectl("get", childResources, "-l", "kgents.io/agent", "-o", "name");
      return names
        .split("\n")
        .filter((name) => name !== "")
        .sort();
    },
    [Symbol.asyncDispose]: async () => {
      await kubectl(["delete", "namespace", namespace.name, "--ignore-not-found", "--wait=false"]);
    },
    get: (kind, name) => objects.get(resourceTypes[kind], { name }),
    events: async (name, reason) => {
      const args = ["get", "events.events.k8s.io", "-o", "json", "--field-selector", `reason=${reason}`];
      const { items } = JSON.parse(await namespace.kubectl(...args));
      return items
        .filter(({ regarding }: { regarding?: { name?: string } }) => regarding?.name === name)
        .map(({ note }: { note: string }) => note);
    },
  };
}

/** How to start an operator. */
interface OperatorOptions {
  readonly kubeconfig?: string;
  readonly networkIsolation?: "required" | "best-effort";
  readonly rollouts?: RolloutRecorder;
}

/** Starts an operator of a namespace in this process. */
export async function startTestOperator(namespace: string, options: OperatorOptions = {}) {
  const { kubeconfig = cluster.kubeconfig, networkIsolation = "required", rollouts } = options;
  const log = createLogger();
  log.level = process.env.KGENTS_TEST_LOG ?? "silent";
  const metrics = createOperatorMetrics();
  const client = await createClusterClient({ kubeconfig, namespace });
  const operator = startOperator({ client, namespaces: [namespace], networkIsolation, log, metrics, rollouts });
  return { ...operator, metrics, [Symbol.asyncDispose]: operator.close };
}
