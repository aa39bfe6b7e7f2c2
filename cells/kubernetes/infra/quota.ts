import type { ClusterClient } from "../api/cluster-client.ts";
import { answerMilliseconds } from "./infra-cluster.ts";

/** How much of one resource is used, in Kubernetes' own notation. */
export interface QuotaUse {
  /** Such as `limits.memory`. */
  readonly resource: string;
  readonly used: string;
  readonly hard: string;
}

/** Reads what the quotas of the namespace say. */
export async function readQuota(client: ClusterClient): Promise<readonly QuotaUse[]> {
  const { items } = await client.request(
    "reading the quota",
    ({ core }, call) => core.listNamespacedResourceQuota({ namespace: client.namespace }, call),
    { milliseconds: answerMilliseconds },
  );
  return items.flatMap(({ spec, status }) =>
    Object.entries(spec?.hard ?? {}).map(([resource, hard]) => ({
      resource,
      hard,
      used: status?.used?.[resource] ?? "?",
    })),
  );
}
