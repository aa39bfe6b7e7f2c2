/**
 * The activity options of each phase. The timeouts bound a phase as a whole; the worker enforces the time limit of the
 * code.
 *
 * @module
 */
import { ActivityCancellationType, type ActivityOptions, proxyActivities, workflowInfo } from "@temporalio/workflow";
import type { Activities, NoPlaceNow, ProvisionedCell } from "#activities/contract";
import type { SessionActivities } from "#activities/session-contract";
import { nonRetryableKinds } from "#core/contract/failure";
import { clusterWaitingTaskQueue, waitingTaskQueue } from "#core/contract/names";
import { installationSeconds } from "#core/packages/environment";
import { oneLine } from "#core/text/code-excerpt";
import { fieldsOf } from "./raw-request.ts";

/** How long a live worker may take to pick up a task of its host queue. Its slot was reserved beforehand. */
const hostPickUp = "20s";
/**
 * Time in addition to startup and the code's time limit: for delivery, draining 64 MiB of output and collecting files.
 * In a cluster it also covers the grace period for which a cell keeps its output while the API server is unavailable.
 */
const collectionMilliseconds = { subprocess: 120_000, kubernetes: 360_000 } as const;

const common = {
  // Otherwise a cancelled workflow closes while its activity still holds a cell.
  cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
  // Bounds the time until a dead worker is detected. Workers heartbeat every one or two seconds.
  heartbeatTimeout: "10s",
  retry: {
    initialInterval: "200ms",
    backoffCoefficient: 2,
    maximumInterval: "5s",
    maximumAttempts: 10,
  },
} satisfies ActivityOptions;

/**
 * The failure kinds that are not retried, per phase. Wrong usage is never retried in any phase
 * (activities/failures.ts). `provision` fails soon if a cluster is unavailable, because another backend may take the
 * run. The other phases retry every other kind: an API server outage of a minute must not leave a cell behind, and
 * reading again is harmless.
 */
const finalKinds = { provision: nonRetryableKinds, execute: nonRetryableKinds } as const;

/** Retries until the phase's scheduleToCloseTimeout. */
const untilTheEnd = { initialInterval: "200ms", backoffCoefficient: 2, maximumInterval: "5s" } as const;

/** Whether a failure of `execute` ends the run, by its kind. */
export const endsExecution = (kind: string | null | undefined): boolean =>
  finalKinds.execute.some((final) => final === kind);

/**
 * The task queue for a later phase of a cell.
 *
 * - `here`: the shared queue. With eager activity execution the server gives the task directly to the worker that
 *   scheduled it, which is nearly always the one that provisioned. A worker of another host that gets the task returns
 *   `elsewhere`.
 * - `host`: the queue of the host that holds the cell.
 */
export type Place = "here" | "host";

const queueOf = (cell: ProvisionedCell, place: Place): Pick<ActivityOptions, "taskQueue" | "scheduleToStartTimeout"> =>
  cell.taskQueue === null || place === "here" ? {} : { taskQueue: cell.taskQueue, scheduleToStartTimeout: hostPickUp };

/** The maximum length of the names of packages in a summary. */
const maximumPackages = 100;
/** The maximum length of the `full` phrase in a summary. The server accepts summaries of up to 400 bytes. */
const maximumPhrase = 40;

function waitingFor({ cluster }: NoPlaceNow): { taskQueue: string; words: string } {
  const { taskQueue } = workflowInfo();
  if (cluster === undefined) return { taskQueue: waitingTaskQueue(taskQueue), words: "wait for a place" };
  const words = `wait for a place in the cluster (${oneLine(cluster, maximumPhrase)})`;
  return { taskQueue: clusterWaitingTaskQueue(taskQueue), words };
}

/**
 * Phase 1. Without `full`, runs on the nearest worker, which returns at once if there is no free slot. With `full`,
 * runs on the waiting queue for up to a day, because a lack of room is not a fault of the run.
 */
export function provisioning(request: unknown, full?: NoPlaceNow): Pick<Activities, "provision"> {
  const wait = full && waitingFor(full);
  return proxyActivities<Activities>({
    ...common,
    retry: { ...common.retry, nonRetryableErrorTypes: [...finalKinds.provision] },
    ...(wait && {
      taskQueue: wait.taskQueue,
      scheduleToCloseTimeout: "1 day",
      // Each worker that shuts down while the run waits on it uses up one attempt.
      retry: { ...common.retry, nonRetryableErrorTypes: [...finalKinds.provision], maximumAttempts: 1000 },
    }),
    startToCloseTimeout: "1 day",
    summary: `${wait ? `${wait.words}, and ` : ""}prepare a cell: ${fieldsOf(request).title}`,
  });
}

/**
 * Phase 2. The server does not retry it. The workflow retries instead, because it must distinguish a task that no
 * worker took from one whose worker died: only in the latter case the code may have started.
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

/** How long packages may take, in all attempts. */
const installing = { once: "15 minutes", all: 1000 * installationSeconds } as const;

/**
 * Between phases 1 and 2, only if the run asks for packages: installs them. The index may be away for a moment, so it is
 * asked a few times.
 */
export const preparing = (cell: ProvisionedCell, place: Place): Pick<Activities, "prepareEnvironment"> =>
  proxyActivities<Activities>({
    ...common,
    ...queueOf(cell, place),
    retry: { ...common.retry, nonRetryableErrorTypes: [...finalKinds.provision], maximumAttempts: 5 },
    startToCloseTimeout: installing.once,
    scheduleToCloseTimeout: installing.all,
    summary: `install ${oneLine(cell.packages ?? "packages", maximumPackages)} for ${cell.language}`,
  });

/** Reads the output in the store of a run whose host is gone. Runs on any worker. */
export const salvaging = (cell: Pick<ProvisionedCell, "cellId">): Pick<Activities, "salvage"> =>
  proxyActivities<Activities>({
    ...common,
    // No heartbeats: it reads up to 128 MiB in one call.
    heartbeatTimeout: "0s",
    startToCloseTimeout: "5 minutes",
    summary: `read what ${cell.cellId} left in the store`,
  });

/**
 * One program of a session. As {@link executing}, it is not retried by the server.
 *
 * @param milliseconds the time limit of the program
 */
export const runningProgram = (
  cell: ProvisionedCell,
  place: Place,
  { summary, milliseconds }: { readonly summary: string; readonly milliseconds: number },
): Pick<SessionActivities, "runProgram"> =>
  proxyActivities<SessionActivities>({
    ...common,
    ...queueOf(cell, place),
    retry: { maximumAttempts: 1 },
    startToCloseTimeout: cell.startupTimeoutMilliseconds + milliseconds + collectionMilliseconds[cell.backend],
    summary,
  });

/** The interrupt of a running program of a session. One that comes late does nothing. */
export const interrupting = (cell: ProvisionedCell, place: Place): Pick<SessionActivities, "interruptProgram"> =>
  proxyActivities<SessionActivities>({
    ...common,
    ...queueOf(cell, place),
    heartbeatTimeout: "0s",
    retry: { ...common.retry, maximumAttempts: 3 },
    startToCloseTimeout: "30s",
    scheduleToCloseTimeout: "1m",
    summary: "interrupt the call that runs",
  });

/** The end of a session: its latest checkpoint is no longer kept. */
export const forgetting = (): Pick<SessionActivities, "forgetCheckpoint"> =>
  proxyActivities<SessionActivities>({
    ...common,
    heartbeatTimeout: "0s",
    startToCloseTimeout: "30s",
    scheduleToCloseTimeout: "1m",
    summary: "the latest checkpoint is not needed any more",
  });

/** Phase 3: removes the cell. */
export const cleaning = (cell: ProvisionedCell, place: Place): Pick<Activities, "cleanUp"> =>
  proxyActivities<Activities>({
    ...common,
    ...queueOf(cell, place),
    heartbeatTimeout: "0s",
    // A cell that is left after the timeout is removed by the janitor or the sweep.
    retry: untilTheEnd,
    startToCloseTimeout: "30s",
    scheduleToCloseTimeout: "5m",
    summary: `remove ${cell.cellId}`,
  });

/**
 * The release and the removal of a finished cell in a cluster. Removal retries for a day, because the API server may be
 * down for hours.
 */
export const reaping = (cellId: string): Pick<Activities, "releaseCell" | "removeCell"> => {
  const { heartbeatTimeout: _, ...unbeating } = common;
  const { releaseCell } = proxyActivities<Activities>({
    ...unbeating,
    // Retries until the supervisor's grace period is over and it ends by itself.
    retry: untilTheEnd,
    startToCloseTimeout: "30s",
    scheduleToCloseTimeout: "5m",
    summary: `let the finished cell ${cellId} end`,
  });
  const { removeCell } = proxyActivities<Activities>({
    ...unbeating,
    // Any failure may be transient: an expired credential, a cluster outage. After a day the Job's own TTL has removed
    // it.
    retry: { initialInterval: "1s", backoffCoefficient: 2, maximumInterval: "5m" },
    startToCloseTimeout: "1m",
    scheduleToCloseTimeout: "1 day",
    summary: `remove the Job ${cellId}`,
  });
  return { releaseCell, removeCell };
};

/** Reads a chunk of a batch's requests. Runs on any worker. */
export const reading = (chunk: number): Pick<Activities, "readRequests"> =>
  proxyActivities<Activities>({
    ...common,
    heartbeatTimeout: "0s",
    startToCloseTimeout: "1m",
    scheduleToCloseTimeout: "1h",
    summary: `read part ${chunk + 1} of the requests`,
  });

/** One round of the sweep. The next round retries what this one did not remove. */
export const sweeping = (): Pick<Activities, "sweepCells"> =>
  proxyActivities<Activities>({
    ...common,
    heartbeatTimeout: "1m",
    retry: { ...common.retry, maximumAttempts: 2 },
    startToCloseTimeout: "10m",
    summary: "remove the cells of runs that are over",
  });
