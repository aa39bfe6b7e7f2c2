/**
 * Which Job and which pod are a cell's own. Labels can be anybody's: a pod is taken for a cell's only where the cell's own Job made
 * it, and a pod that has been given code stays the only one.
 *
 * @module
 */
import { KgentsError } from "#core/contract/error";
import type { CellPlan } from "../../provider.ts";
import { readJob } from "../api/observe.ts";
import type { ObservedCell, ObservedPod } from "../api/observed-cell.ts";
import type { OwnCells } from "../api/own-cells.ts";
import type { CellState } from "./classify-cell.ts";
import { classifyCell } from "./classify-cell.ts";
import { isJobOf } from "./same-job.ts";

/** The objects of a cell, by their uids. */
export interface Pin {
  readonly jobUid: string;
  /** Undefined as long as it has no pod. */
  readonly podUid?: string | undefined;
}

/** The pods that the cell's own Job made. */
export const podsOfJob = (pods: readonly ObservedPod[], jobUid: string): readonly ObservedPod[] =>
  pods.filter(({ metadata }) => metadata.ownerReferences?.some(({ kind, uid }) => kind === "Job" && uid === jobUid));

/** The pods that a Job of the cell's name made, whichever that was. */
export const podsOfCell = (pods: readonly ObservedPod[], cellId: string): readonly ObservedPod[] =>
  pods.filter(({ metadata }) => metadata.ownerReferences?.some(({ kind, name }) => kind === "Job" && name === cellId));

/** Tells the state of a cell from what is its own of all that was seen. */
export function classifyPinned({ job, pods, events }: ObservedCell, { jobUid, podUid }: Pin, now: Date): CellState {
  const own = podsOfJob(pods, jobUid);
  const pinned = podUid === undefined ? own : own.filter(({ metadata }) => metadata.uid === podUid);
  if (pinned.length === 0 && own.length > 0) {
    return { state: "failed", kind: "cell-deleted", detail: "another pod has taken the place of the cell's" };
  }
  return classifyCell({ job: job?.metadata.uid === jobUid ? job : null, pods: pinned, events }, now);
}

/**
 * Finds the Job of a cell that another worker may have made.
 *
 * @returns its uid; undefined where there is none
 * @throws KgentsError where the Job of that name is not this run's; ClusterError
 */
export async function findJob(own: OwnCells, plan: CellPlan, signal?: AbortSignal): Promise<string | undefined> {
  const job = await readJob(own, plan.cellId, signal);
  if (job === null) return undefined;
  if (isJobOf(job, plan, own.instance)) return job.metadata?.uid;
  throw new KgentsError("internal", `the Job ${plan.cellId} is not this run's`);
}
