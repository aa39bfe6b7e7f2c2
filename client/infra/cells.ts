import type { V1Job } from "@kubernetes/client-node";
import type { ClusterClient } from "../../activities/backends/kubernetes/cluster-client.ts";
import { managedByKgents, managedByLabel } from "../../core/cluster-names.ts";
import { answerMilliseconds } from "./infra-cluster.ts";

/** How many cells there are. */
export interface CellCounts {
  readonly running: number;
  /** They stay for their TTL, so that a person can look at them. */
  readonly finished: number;
}

const hasFinished = ({ status }: V1Job): boolean =>
  (status?.conditions ?? []).some(
    (condition) => (condition.type === "Complete" || condition.type === "Failed") && condition.status === "True",
  );

/** Counts the cells of all instances in the namespace. */
export async function countCells(client: ClusterClient): Promise<CellCounts> {
  const { items } = await client.request(
    "listing the cells",
    ({ batch }, call) =>
      batch.listNamespacedJob(
        { namespace: client.namespace, labelSelector: `${managedByLabel}=${managedByKgents}` },
        call,
      ),
    { milliseconds: answerMilliseconds },
  );
  const finished = items.filter(hasFinished).length;
  return { running: items.length - finished, finished };
}
