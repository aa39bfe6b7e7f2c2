/**
 * What the operator sees of a cluster: Agents, their objects and their pods, each by the key of its Agent.
 *
 * @module
 */
import { EventEmitter, once } from "node:events";
import type { ClusterClient } from "#cells/kubernetes/api/cluster-client";
import type { ChangeSource, Informer, InformerTimes } from "#cells/kubernetes/api/informer";
import type { KubernetesJson } from "#cells/kubernetes/api/kubernetes-json";
import { informObjects } from "#cells/kubernetes/api/object-informer";
import { resourceTypes } from "#cells/kubernetes/api/resource-types";
import type { AgentStatus } from "#core/agents/agent";
import { childKinds } from "#core/agents/children";
import type { LivePod } from "#core/agents/live-state";
import { childSelector } from "#core/agents/names";
import type { ManagedFields } from "#core/manifest/object-metadata";
import { keyOfAgent, keyOfChild } from "./agent-key.ts";
import { type SeenChild, toSeenChild } from "./seen-child.ts";

/** An Agent as the API server stores it. Its spec is checked when it is reconciled. */
export interface SeenAgent extends KubernetesJson {
  readonly spec?: unknown;
  readonly status?: AgentStatus;
}

/** A view of the cluster. It may lag behind the cluster. */
export interface ClusterView {
  readonly agent: (key: string) => SeenAgent | undefined;
  readonly children: (key: string) => readonly SeenChild[];
  readonly pods: (key: string) => readonly LivePod[];
}

/** A view that is kept up to date. */
export interface WatchedView extends ClusterView {
  /** The keys of all Agents. */
  readonly keys: () => readonly string[];
  /** Whether everything was listed once. Before that, nothing may be concluded from what is missing. */
  readonly isComplete: () => boolean;
  /** Resolves when everything was listed once, or the signal is aborted. */
  readonly complete: (signal: AbortSignal) => Promise<void>;
  /** What cannot be listed or watched now, in the words of the log. */
  readonly failing: () => readonly string[];
  /** Calls the listener with the key of the Agent that a change is about. */
  readonly onChange: (listener: (key: string, source: ChangeSource) => void) => void;
  readonly close: () => Promise<void>;
}

/** Only who wrote what when is kept of the managed fields: the fields themselves are most of an object. */
const withoutFields = ({ fieldsV1: _, ...kept }: ManagedFields): ManagedFields => kept;

/** Trims an Agent. */
export const toSeenAgent = (agent: SeenAgent): SeenAgent => ({
  ...agent,
  metadata: { ...agent.metadata, managedFields: (agent.metadata?.managedFields ?? []).map(withoutFields) },
});

/** Trims a pod to what its Agent's status follows from. */
export function toLivePod({ metadata, status }: KubernetesJson & LivePod): LivePod {
  const { name, deletionTimestamp } = metadata ?? {};
  const { phase, conditions, initContainerStatuses, containerStatuses } = status ?? {};
  return {
    metadata: { ...(name !== undefined && { name }), ...(deletionTimestamp !== undefined && { deletionTimestamp }) },
    status: {
      ...(phase !== undefined && { phase }),
      ...(conditions !== undefined && { conditions }),
      ...(initContainerStatuses !== undefined && { initContainerStatuses }),
      ...(containerStatuses !== undefined && { containerStatuses }),
    },
  };
}

/**
 * Watches Agents, their objects and their pods.
 *
 * @param namespace @default all namespaces
 */
export function watchCluster(
  client: ClusterClient,
  namespace: string | undefined,
  log: (line: string) => void,
  times: InformerTimes = {},
): WatchedView {
  const ofAgents = { namespace, labelSelector: childSelector, keyOf: keyOfChild };
  const agents = informObjects<SeenAgent, SeenAgent>(
    client,
    { type: resourceTypes.Agent, namespace, keyOf: keyOfAgent, toItem: toSeenAgent },
    log,
    times,
  );
  const children = childKinds.map(({ kind }) =>
    informObjects<KubernetesJson, SeenChild>(
      client,
      { ...ofAgents, type: resourceTypes[kind], toItem: (object) => toSeenChild(kind, object) },
      log,
      times,
    ),
  );
  const pods = informObjects<KubernetesJson & LivePod, LivePod>(
    client,
    { ...ofAgents, type: resourceTypes.Pod, toItem: toLivePod },
    log,
    times,
  );
  const all: readonly [string, Informer<unknown>][] = [
    ["agents", agents],
    ...childKinds.map(({ plural }, index): [string, Informer<unknown>] => [plural, children[index] ?? pods]),
    ["pods", pods],
  ];
  const isComplete = (): boolean => all.every(([, informer]) => informer.isComplete());
  const listed = new EventEmitter();
  listed.setMaxListeners(0);
  for (const [, informer] of all) informer.onList(() => listed.emit("list"));

  return {
    agent: (key) => agents.of(key)[0],
    children: (key) => children.flatMap((informer) => informer.of(key)),
    pods: pods.of,
    keys: agents.keys,
    isComplete,
    complete: async (signal) => {
      while (!isComplete() && !signal.aborted) await once(listed, "list", { signal }).catch(() => {});
    },
    failing: () => all.filter(([, informer]) => informer.isFailing()).map(([name]) => name),
    onChange: (listener) => {
      for (const [, informer] of all) informer.onChange(listener);
    },
    close: async () => {
      await Promise.all(all.map(([, informer]) => informer.close()));
    },
  };
}
