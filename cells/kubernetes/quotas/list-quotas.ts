import type { V1ResourceQuota } from "@kubernetes/client-node";
import type { ClusterClient } from "../api/cluster-client.ts";

/**
 * Lists the quotas of the cells' namespace.
 *
 * @param milliseconds the time limit of the request
 * @throws ClusterError
 */
export async function listQuotas(client: ClusterClient, milliseconds: number): Promise<readonly V1ResourceQuota[]> {
  const { items } = await client.request(
    "reading the quotas",
    ({ core }, options) => core.listNamespacedResourceQuota({ namespace: client.namespace }, options),
    { milliseconds },
  );
  return items;
}
