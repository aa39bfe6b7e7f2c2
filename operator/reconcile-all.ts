import type { ClusterClient } from "#cells/kubernetes/api/cluster-client";
import { createObjects } from "#cells/kubernetes/api/objects";
import { resourceTypes } from "#cells/kubernetes/api/resource-types";
import { messageOf } from "#core/text/message-of";
import type { Logger } from "#platform/host/logger";
import { operatorStatus } from "./leader/operator-status.ts";
import { reconcileOnce } from "./reconcile-once.ts";
import type { SeenAgent } from "./see/cluster-view.ts";
import type { NetworkIsolationPolicy } from "./see/isolation.ts";

/** What `kgents operator --once` needs. */
interface ReconcileAllSettings {
  readonly client: ClusterClient;
  /** @default all */
  readonly namespaces: readonly string[] | undefined;
  readonly networkIsolation: NetworkIsolationPolicy;
  readonly log: Logger;
}

/**
 * Reconciles every Agent once. Those of a namespace in which an operator leads are left to it.
 *
 * @returns false if an Agent could not be reconciled
 * @throws ClusterError if Agents cannot be listed
 */
export async function reconcileAll(settings: ReconcileAllSettings): Promise<boolean> {
  const { client, namespaces, networkIsolation, log } = settings;
  const objects = createObjects(client);
  const lists = (namespaces ?? ["*"]).map((namespace) => objects.list<SeenAgent>(resourceTypes.Agent, { namespace }));
  const agents = (await Promise.all(lists)).flat();
  const leaders = new Map<string, string | undefined>();
  let good = true;
  for (const { metadata } of agents) {
    const { namespace = "", name = "" } = metadata ?? {};
    if (!leaders.has(namespace)) {
      const { leader, isLive } = await operatorStatus(objects, namespace);
      leaders.set(namespace, isLive ? leader : undefined);
      if (isLive) log.info({ namespace, leader }, "an operator leads here, and reconciles these Agents");
    }
    if (leaders.get(namespace) !== undefined) continue;
    const agent = `${namespace}/${name}`;
    try {
      const { outcome } = await reconcileOnce({ namespace, name }, client, { networkIsolation });
      log.info({ agent, outcome }, "reconciled");
    } catch (error) {
      good = false;
      log.error({ agent, error: messageOf(error) }, "an Agent could not be reconciled");
    }
  }
  return good;
}
