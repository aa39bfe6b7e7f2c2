import { EventEmitter } from "node:events";
import type { AgentView } from "#activities/await-rollout";
import type { ClusterClient } from "#cells/kubernetes/api/cluster-client";
import type { KubernetesJson } from "#cells/kubernetes/api/kubernetes-json";
import { informObjects } from "#cells/kubernetes/api/object-informer";
import { resourceTypes } from "#cells/kubernetes/api/resource-types";
import type { RolledAgent } from "#core/agents/rollout";

type RawAgent = KubernetesJson & RolledAgent;

const keyOf = (namespace: string, name: string): string => `${namespace}/${name}`;

/** Only what a rollout's end follows from: a cache of many Agents costs memory. */
const trimmed = ({ metadata, status }: RawAgent): RolledAgent => {
  const { uid, generation, deletionTimestamp } = metadata ?? {};
  return {
    metadata: {
      ...(uid !== undefined && { uid }),
      ...(generation !== undefined && { generation }),
      ...(deletionTimestamp !== undefined && { deletionTimestamp }),
    },
    ...(status?.conditions !== undefined && { status: { conditions: status.conditions } }),
  };
};

/**
 * Starts to watch the Agents of some namespaces.
 *
 * @param namespaces undefined for all
 */
export function watchAgents(
  client: ClusterClient,
  namespaces: readonly string[] | undefined,
  log: (line: string) => void,
): AgentView & { readonly close: () => Promise<void> } {
  const events = new EventEmitter<{ changed: [] }>();
  // One listener for each rollout that is awaited.
  events.setMaxListeners(0);
  const changed = (): void => void events.emit("changed");
  const informers = new Map(
    (namespaces ?? [undefined]).map((namespace) => {
      const what = {
        type: resourceTypes.Agent,
        namespace,
        keyOf: ({ metadata }: RawAgent) => keyOf(metadata?.namespace ?? "", metadata?.name ?? ""),
        toItem: trimmed,
      };
      const informer = informObjects<RawAgent, RolledAgent>(client, what, log);
      informer.onChange(changed);
      informer.onList(changed);
      return [namespace, informer] as const;
    }),
  );
  const informerOf = (namespace: string) => informers.get(namespaces === undefined ? undefined : namespace);
  return {
    events,
    isComplete: (namespace) => informerOf(namespace)?.isComplete(),
    find: (namespace, name) => informerOf(namespace)?.of(keyOf(namespace, name))[0],
    close: async () => void (await Promise.all([...informers.values()].map((informer) => informer.close()))),
  };
}
