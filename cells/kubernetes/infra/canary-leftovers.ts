import type { KubernetesObject } from "@kubernetes/client-node";
import { canaryLabel } from "#core/manifest/cluster-names";
import type { ClusterClient } from "../api/cluster-client.ts";
import { ClusterError } from "../api/cluster-error.ts";
import { objectsFor } from "./infra-cluster.ts";

// Policies last: the pods stay restricted until they are gone.
const kinds = [
  ["v1", "Pod"],
  ["networking.k8s.io/v1", "NetworkPolicy"],
] as const;

/** Removes the objects of one canary, or those of canaries that were killed before they could clean up. */
export async function removeCanaries(
  client: ClusterClient,
  which: { readonly id: string } | { readonly abandonedBefore: Date },
): Promise<void> {
  const selector = "id" in which ? `${canaryLabel}=${which.id}` : canaryLabel;
  for (const [apiVersion, kind] of kinds) {
    const { items } = await client.request(`listing the canary's objects`, (_, call) =>
      objectsFor(client, call).list(
        apiVersion,
        kind,
        client.namespace,
        undefined,
        undefined,
        undefined,
        undefined,
        selector,
      ),
    );
    const doomed = items.filter(
      ({ metadata }) => "id" in which || new Date(metadata?.creationTimestamp ?? 0) < which.abandonedBefore,
    );
    await Promise.all(
      doomed.map(({ metadata }) => remove(client, { apiVersion, kind, ...(metadata && { metadata }) })),
    );
  }
}

async function remove(client: ClusterClient, object: KubernetesObject): Promise<void> {
  try {
    await client.request(`removing ${object.metadata?.name}`, (_, call) =>
      objectsFor(client, call).delete(object, undefined, undefined, 0),
    );
  } catch (error) {
    if (!(error instanceof ClusterError && error.status === 404)) throw error;
  }
}
