import type { ClusterClient } from "#cells/kubernetes/api/cluster-client";
import type { Agent } from "#core/agents/agent";
import { type ReconcileOnceOptions, reconcileOnce } from "#operator/reconcile-once";
import { clusterFailure } from "./cluster-refusal.ts";

/**
 * Does the operator's work for an Agent once, with the rights of this process.
 *
 * @throws KgentsError if the cluster does not answer or forbids it
 */
export async function reconcileHere(
  client: ClusterClient,
  { metadata }: Agent,
  options: ReconcileOnceOptions,
): Promise<void> {
  try {
    await reconcileOnce({ namespace: String(metadata.namespace), name: metadata.name }, client, options);
  } catch (error) {
    throw clusterFailure(error);
  }
}
