/**
 * The options of each phase's activity. Time-outs bound the phase as a whole; the code's own clock is the worker's.
 *
 * @module
 */
import { ActivityCancellationType, type ActivityOptions, proxyActivities, workflowInfo } from "@temporalio/workflow";
import type { Activities, Full, ProvisionedCell } from "#activities/contract";
import { nonRetryableKinds } from "#core/contract/failure";
import { clusterWaitingTaskQueue, waitingTaskQueue } from "#core/contract/names";
import { oneLine } from "#core/text/code-excerpt";
import { fieldsOf } from "./raw-request.ts";

/** How long a live worker may take to pick up a task of its own host queue, where places were reserved beforehand. */
const hostPickUp = "20s";
/**
 * Beyond startup and the code's own time: delivering, draining 64 MiB of output, collecting files; in a cluster also for as
 * long as a cell keeps its output while the server is away.
 */
const collectionMilliseconds = { subprocess: 120_000, kubernetes: 360_000 } as const;

const common = {
  // Else a cancelled workflow closes while its activity still holds a cell.
  cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
  // Also bounds how long a dead worker goes unnoticed. Workers beat each second.
  heartbeatTimeout: "10s",
  retry: {
    initialInterval: "200ms",
    backoffCoefficient: 2,
    maximumInterval: "5s",
    maximumAttempts: 10,
  },
} satisfies ActivityOptions;

/**
 * The kinds of failures that end a phase at once, beside wrong usage, which ends each of them (activities/failures.ts). Provisioning says
 * soon that a cluster is away, since another backend may take the run. What is not listed has no such kinds: an API server that is away
 * for a minute must not leave a cell, and reading again costs nothing.
 */
const finalKinds = { provision: nonRetryableKinds, execute: nonRetryableKinds } as const;

/** Tries again for as long as the phase's time allows. */
const untilTheEnd = { initialInterval: "200ms", backoffCoefficient: 2, maximumInterval: "5s" } as const;

/** Whether a failure of `execute` ends the run, by its kind. */
export const endsExecution = (kind: string | null | undefined): boolean =>
  finalKinds.execute.some((final) => final === kind);

/**
 * Where a later phase of a cell is asked for.
 *
 * `here`: on the shared queue. The server hands such a task to the very worker that has just scheduled it, without a detour
 * by a queue, and that is nearly always the worker that provisioned. A worker of another host that gets it says
 * `elsewhere`. `host`: on the queue of the host that holds the cell.
 */
export type Place = "here" | "host";

const queueOf = (cell: ProvisionedCell, place: Place): Pick<ActivityOptions, "taskQueue" | "scheduleToStartTimeout"> =>
  cell.taskQueue === null || place === "here" ? {} : { taskQueue: cell.taskQueue, scheduleToStartTimeout: hostPickUp };

/** What is full, within a summary: the server takes 400 bytes. */
const maximumPhrase = 40;

function waitingFor({ cluster }: Full): { taskQueue: string; words: string } {
  const { taskQueue } = workflowInfo();
  if (cluster === undefined) return { taskQueue: waitingTaskQueue(taskQueue), words: "wait for a place" };
  const words = `wait for a place in the cluster (${oneLine(cluster, maximumPhrase)})`;
  return { taskQueue: clusterWaitingTaskQueue(taskQueue), words };
}

/**
 * Phase 1. On the nearest worker, which answers at once whether there is a place; after that answer on the queue of those that
 * wait for one: up to a day, since that is no fault of the run.
 */
export function provisioning(request: unknown, full?: Full): Pick<Activities, "provision"> {
  const wait = full && waitingFor(full);
  return proxyActivities<Activities>({
    ...common,
    retry: { ...common.retry, nonRetryableErrorTypes: [...finalKinds.provision] },
    ...(wait && {
      taskQueue: wait.taskQueue,
      scheduleToCloseTimeout: "1 day",
      // Each worker that ends while the run waits on it takes one.
      retry: { ...common.retry, nonRetryableErrorTypes: [...finalKinds.provision], maximumAttempts: 1000 },
    }),
    startToCloseTimeout: "1 day",
    summary: `${wait ? `${wait.words}, and ` : ""}prepare a cell: ${fieldsOf(request).title}`,
  });
}

/**
 * Phase 2. The server does not retry it: only the workflow can tell a task that no worker ever took from one whose worker
 * died, and that decides whether the code may have started.
 */
export const executing = (cell: ProvisionedCell, place: Place): Pick<Activities, "execute"> =>
  proxyActivities<Activities>({
    ...common,
    ...queueOf(cell, place),
    retry: { maximumAttempts: 1 },
    startToCloseTimeout:
      cell.startupTimeoutMilliseconds + cell.timeoutMilliseconds + collectionMilliseconds[cell.backend],
    summary: `run ${cell.language} on ${cell.backend}, at most ${cell.timeoutMilliseconds / 1000} s: ${cell.title}`,
  });

/** Reads what reached the store of a run whose host is gone; on any worker. */
export const salvaging = (cell: Pick<ProvisionedCell, "cellId">): Pick<Activities, "salvage"> =>
  proxyActivities<Activities>({
    ...common,
    // It reads up to 128 MiB in one go.
    heartbeatTimeout: "0s",
    startToCloseTimeout: "5 minutes",
    summary: `read what ${cell.cellId} left in the store`,
  });

/** Phase 3. */
export const cleaning = (cell: ProvisionedCell, place: Place): Pick<Activities, "cleanUp"> =>
  proxyActivities<Activities>({
    ...common,
    ...queueOf(cell, place),
    heartbeatTimeout: "0s",
    // As often as the time allows. What is left then the janitor or the sweep takes away.
    retry: untilTheEnd,
    startToCloseTimeout: "30s",
    scheduleToCloseTimeout: "5m",
    summary: `remove ${cell.cellId}`,
  });

/** The end of a finished cell in a cluster: patient, since the server may be away for hours. */
export const reaping = (cellId: string): Pick<Activities, "releaseCell" | "removeCell"> => {
  const { heartbeatTimeout: _, ...unbeating } = common;
  const { releaseCell } = proxyActivities<Activities>({
    ...unbeating,
    // Until the supervisor has ended by itself, after its grace.
    retry: untilTheEnd,
    startToCloseTimeout: "30s",
    scheduleToCloseTimeout: "5m",
    summary: `let the finished cell ${cellId} end`,
  });
  const { removeCell } = proxyActivities<Activities>({
    ...unbeating,
    // Whatever it fails with may pass: a credential that is renewed, a cluster that comes back. After a day the Job's own
    // TTL has long done it.
    retry: { initialInterval: "1s", backoffCoefficient: 2, maximumInterval: "5m" },
    startToCloseTimeout: "1m",
    scheduleToCloseTimeout: "1 day",
    summary: `remove the Job ${cellId}`,
  });
  return { releaseCell, removeCell };
};

/** Reads a chunk of a batch's requests, on any worker. */
export const reading = (chunk: number): Pick<Activities, "readRequests"> =>
  proxyActivities<Activities>({
    ...common,
    heartbeatTimeout: "0s",
    startToCloseTimeout: "1m",
    scheduleToCloseTimeout: "1h",
    summary: `read part ${chunk + 1} of the requests`,
  });

/** One round of the sweep; what it does not do now the next one does. */
export const sweeping = (): Pick<Activities, "sweepCells"> =>
  proxyActivities<Activities>({
    ...common,
    heartbeatTimeout: "1m",
    retry: { ...common.retry, maximumAttempts: 2 },
    startToCloseTimeout: "10m",
    summary: "remove the cells of runs that are over",
  });
