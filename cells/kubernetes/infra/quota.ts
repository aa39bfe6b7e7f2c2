import type { ClusterClient } from "../api/cluster-client.ts";
import { listQuotas } from "../quotas/list-quotas.ts";
import { answerMilliseconds } from "./infra-cluster.ts";

/** The use of one resource, in Kubernetes' own notation. */
export interface QuotaUse {
  /** Such as `limits.memory`. */
  readonly resource: string;
  readonly used: string;
  readonly hard: string;
}

/** Reads the use of the namespace's quotas. */
export async function readQuota(client: ClusterClient): Promise<readonly QuotaUse[]> {
  const items = await listQuotas(client, answerMilliseconds);
  return items.flatMap(({ spec, status }) =>
    Object.entries(spec?.hard ?? {}).map(([resource, hard]) => ({
      resource,
      hard,
      used: status?.used?.[resource] ?? "?",
    })),
  );
}
