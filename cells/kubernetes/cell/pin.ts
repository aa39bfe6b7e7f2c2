/**
 * Identifies the Job and the pod of a cell by uid. Anyone can set labels, so a pod only belongs to a cell if the cell's
 * own Job owns it. Once a pod has received code, no other pod replaces it.
 *
 * @module
 */
import { KgentsError } from "#core/contract/error";
import type { CellPlan } from "../../cell-plan.ts";
import { readJob } from "../api/observe.ts";
import type { ObservedCell, ObservedPod } from "../api/observed-cell.ts";
import type { OwnCells } from "../api/own-cells.ts";
import type { CellState } from "./classify-cell.ts";
import { classifyCell } from "./classify-cell.ts";
import { isJobOf } from "./same-job.ts";

/** The objects of a cell, by their uids. */
export interface Pin {
  readonly jobUid: string;
  /** Undefined until it has a pod. */
  readonly podUid?: string | undefined;
}

/** The pods that the cell's own Job owns. */
export const podsOfJob = (pods: readonly ObservedPod[], jobUid: string): readonly ObservedPod[] =>
  pods.filter(({ metadata }) => metadata.ownerReferences?.some(({ kind, uid }) => kind === "Job" && uid === jobUid));

/** The pods owned by a Job of the cell's name, whatever the Job's uid. */
export const podsOfCell = (pods: readonly ObservedPod[], cellId: string): readonly ObservedPod[] =>
  pods.filter(({ metadata }) => metadata.ownerReferences?.some(({ kind, name }) => kind === "Job" && name === cellId));

/** Classifies the state of a cell from only those observed objects that belong to it. */
export function classifyPinned({ job, pods, events }: ObservedCell, { jobUid, podUid }: Pin, now: Date): CellState {
  const own = podsOfJob(pods, jobUid);
  const pinned = podUid === undefined ? own : own.filter(({ metadata }) => metadata.uid === podUid);
  if (pinned.length === 0 && own.length > 0) {
    return { state: "failed", kind: "cell-deleted", detail: "another pod has taken the place of the cell's" };
  }
  return classifyCell({ job: job?.metadata.uid === jobUid ? job : null, pods: pinned, events }, now);
}

/**
 * Finds the Job of a cell that another worker may have created.
 *
 * @returns its uid; undefined if there is none
 * @throws KgentsError if the Job of that name does not belong to this run; ClusterError
 */
export async function findJob(own: OwnCells, plan: CellPlan, signal?: AbortSignal): Promise<string | undefined> {
  const job = await readJob(own, plan.cellId, signal);
  if (job === null) return undefined;
  if (isJobOf(job, plan, own.instance)) return job.metadata?.uid;
  throw new KgentsError("internal", `the Job ${plan.cellId} is not this run's`);
}
