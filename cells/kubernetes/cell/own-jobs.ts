/**
 * Releases, finds and lists the cells of this instance. Needs no state of this process.
 *
 * @module
 */
import type { V1Job } from "@kubernetes/client-node";
import { KgentsError } from "#core/contract/error";
import { cellLabel, instanceLabel, runIdAnnotation, workflowIdAnnotation } from "#core/manifest/cluster-names";
import type { OwnedCell } from "../../provider.ts";
import { listAll } from "../api/list-pages.ts";
import { isFinished, listPods, readJob } from "../api/observe.ts";
import type { ObservedPod } from "../api/observed-cell.ts";
import type { OwnCells } from "../api/own-cells.ts";
import { cellScripts } from "../exec/cell-scripts.ts";
import { runScript } from "../exec/exec-session.ts";
import { cellContainer, classifyCell } from "./classify-cell.ts";
import { podsOfCell } from "./pin.ts";

/** How long a script of a pod may take, in milliseconds. */
const scriptMilliseconds = 10_000;

function ownedCell(job: V1Job): OwnedCell {
  const { uid, labels = {}, annotations = {}, creationTimestamp } = job.metadata ?? {};
  return {
    uid,
    cellId: labels[cellLabel] ?? "",
    workflowId: annotations[workflowIdAnnotation] ?? "",
    runId: annotations[runIdAnnotation] ?? "",
    createdAt: new Date(creationTimestamp ?? 0),
    finished: isFinished(job),
  };
}

/** Only running pods need the release script. An ended pod needs nothing, and an unreachable one ends after its grace period. */
const runs = (pod: ObservedPod): boolean =>
  classifyCell({ job: null, pods: [pod], events: [] }, new Date()).state === "running";

/** The pods of a cell that run, and where its scripts run in them. */
async function runningPods(own: OwnCells, cellId: string): Promise<{ pod: string; container: string }[]> {
  // The watch may lag behind: it is trusted if it shows a running pod, otherwise the server is asked.
  const known = podsOfCell(own.watch.podsOf(cellId), cellId).filter(runs);
  const pods = known.length > 0 ? known : podsOfCell(await listPods(own, cellId), cellId).filter(runs);
  return pods.map((pod) => ({ pod: pod.metadata.name, container: cellContainer }));
}

/**
 * Tells the supervisor of a cell that its output is stored.
 *
 * @throws KgentsError `cluster-unavailable` if it could not be told
 */
export async function releaseCell(own: OwnCells, cellId: string): Promise<void> {
  for (const target of await runningPods(own, cellId)) {
    const end = await runScript(own.client, target, cellScripts.release(), AbortSignal.timeout(scriptMilliseconds));
    if ("broken" in end) throw new KgentsError("cluster-unavailable", `the cell was not released: ${end.broken}`);
  }
}

/**
 * Interrupts a program of a session.
 *
 * @param directory that of the program: see `programDirectory`
 * @returns false if it does not run
 * @throws KgentsError `cluster-unavailable` if the cell could not be reached
 */
export async function interruptProgram(own: OwnCells, cellId: string, directory: string): Promise<boolean> {
  const script = cellScripts.interrupt(directory);
  for (const target of await runningPods(own, cellId)) {
    const end = await runScript(own.client, target, script, AbortSignal.timeout(scriptMilliseconds));
    if ("broken" in end) throw new KgentsError("cluster-unavailable", `the program was not interrupted: ${end.broken}`);
    if (end.exitCode === 0) return true;
  }
  return false;
}

/** The cell of that id; null if this instance has none. */
export async function findCell(own: OwnCells, cellId: string): Promise<OwnedCell | null> {
  const job = await readJob(own, cellId);
  return job?.metadata?.labels?.[instanceLabel] === own.instance ? ownedCell(job) : null;
}

/** The cells of this instance whose Jobs exist. */
export async function listCells({ client, instance }: OwnCells): Promise<readonly OwnedCell[]> {
  const selected = { namespace: client.namespace, labelSelector: `${instanceLabel}=${instance}` };
  const { items } = await listAll<V1Job>(client, "listing the Jobs", ({ batch }, page, options) =>
    batch.listNamespacedJob({ ...selected, ...page }, options),
  );
  return items.map(ownedCell);
}
