import type { V1Job } from "@kubernetes/client-node";
import { managedByKgents, managedByLabel } from "#core/manifest/cluster-names";
import type { ClusterClient } from "../api/cluster-client.ts";
import { listAll } from "../api/list-pages.ts";
import { isFinished } from "../api/observe.ts";
import { answerMilliseconds } from "./infra-cluster.ts";

/** The number of cells. */
export interface CellCounts {
  readonly running: number;
  /** They are kept for their TTL, so that people can inspect them. */
  readonly finished: number;
}

/** Counts the cells of all instances in the namespace. */
export async function countCells(client: ClusterClient): Promise<CellCounts> {
  const selected = { namespace: client.namespace, labelSelector: `${managedByLabel}=${managedByKgents}` };
  const { items } = await listAll<V1Job>(
    client,
    "listing the cells",
    ({ batch }, page, call) => batch.listNamespacedJob({ ...selected, ...page }, call),
    { milliseconds: answerMilliseconds },
  );
  const finished = items.filter(isFinished).length;
  return { running: items.length - finished, finished };
}
