import type { ClusterClient } from "../../activities/backends/kubernetes/cluster-client.ts";
import { isFinished } from "../../activities/backends/kubernetes/observe.ts";
import { managedByKgents, managedByLabel } from "../../core/cluster-names.ts";
import { answerMilliseconds } from "./infra-cluster.ts";

/** How many cells there are. */
export interface CellCounts {
  readonly running: number;
  /** They stay for their TTL, so that a person can look at them. */
  readonly finished: number;
}

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
  const finished = items.filter(isFinished).length;
  return { running: items.length - finished, finished };
}
