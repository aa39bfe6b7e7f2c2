import { CancelledFailure, Context } from "@temporalio/activity";
import type { ActivityCancellationDetails } from "@temporalio/common";
import { type Backend, type ExecuteContext, NoRoom } from "#cells/provider";
import { KgentsError } from "#core/contract/error";
import type { BackendName } from "#core/contract/result";
import { within } from "#platform/host/within";
import type { ArtifactStore } from "#platform/store/artifact-store";
import { type StreamName, streamReference } from "#platform/store/references";
import type { CellInput, Elsewhere, ExecuteOutput, Full } from "./contract.ts";
import type { ActivityDependencies } from "./dependencies.ts";
import { holdInTime } from "./in-time.ts";
import { checkedLimits } from "./inputs.ts";
import { currentRun, planCell } from "./plan.ts";
import type { KnownCell, RunningCell } from "./running-cells.ts";
import { startCell } from "./start-cell.ts";

/** How often to heartbeat where there is nothing new: a cancellation is heard of only in the answer to a heartbeat. */
const idleBeatMilliseconds = 1000;
/** How often at most to heartbeat while output comes that somebody follows by heartbeat. */
const liveBeatMilliseconds = 250;

/** The backend of a name, where this worker serves it. */
export function servedBackend(dependencies: ActivityDependencies, name: BackendName): Backend {
  const backend = dependencies.backends[name];
  if (backend) return backend;
  throw new KgentsError("backend-unavailable", `this worker does not serve the backend ${name}`);
}

/**
 * Heartbeats until the returned function is called. The first beat comes after a second, or with the first output that is
 * followed: a short run needs none.
 */
function beat(cell: RunningCell, live: boolean): () => void {
  const context = Context.current();
  let last = Date.now();
  let pending: NodeJS.Timeout | undefined;
  const send = (): void => {
    clearTimeout(pending);
    pending = undefined;
    last = Date.now();
    context.heartbeat(cell.heartbeat());
  };
  const idle = setInterval(send, idleBeatMilliseconds);
  const unsubscribe = live
    ? cell.onOutput(() => {
        pending ??= setTimeout(send, Math.max(0, last + liveBeatMilliseconds - Date.now()));
      })
    : () => {};
  return () => {
    clearInterval(idle);
    clearTimeout(pending);
    unsubscribe();
  };
}

/** Follows a running cell until its outcome is there, or until this attempt is told to let go. */
async function follow(
  known: KnownCell,
  cell: RunningCell,
  { live, hostBound }: { live: boolean; hostBound: boolean },
): Promise<ExecuteOutput> {
  const context = Context.current();
  known.followers += 1;
  known.wasFollowed = true;
  const stopBeating = beat(cell, live);
  try {
    return await Promise.race([cell.outcome, context.cancelled]);
  } catch (error) {
    if (!(error instanceof CancelledFailure)) throw error;
    // The next attempt, in this worker too, begins anew from what is stored.
    if (!hostBound && !context.cancellationDetails?.cancelRequested && known.running === cell) delete known.running;
    return await handOver(cell, hostBound, context.cancellationDetails, error);
  } finally {
    stopBeating();
    known.followers -= 1;
    // Where Temporal no longer knows this attempt the run may be over: the janitor need not wait for another one.
    known.lastFollowed = context.cancellationDetails?.notFound ? 0 : Date.now();
  }
}

/**
 * What a cancelled attempt does. Only a request to cancel, or the end of the worker whose machine it runs on, ends the
 * code: an attempt that was paused, reset or timed out lets go of it, and the next one finds it still running.
 */
function handOver(
  cell: RunningCell,
  hostBound: boolean,
  details: ActivityCancellationDetails | undefined,
  error: CancelledFailure,
): Promise<ExecuteOutput> {
  if (details?.cancelRequested) {
    cell.stop("cancelled", "the run was cancelled");
    return cell.outcome;
  }
  if (details?.workerShutdown && hostBound) {
    cell.stop("worker-shutdown", "the worker was shut down while the code ran");
    return cell.outcome;
  }
  if (!hostBound) cell.stop("handed-over", "another worker follows the code from here on");
  if (details?.workerShutdown) throw new KgentsError("cell-handed-over", "the worker was shut down; another goes on");
  throw error;
}

/** Whether a cell is another host's. */
export const isElsewhere = (dependencies: ActivityDependencies, { taskQueue }: Pick<CellInput, "taskQueue">): boolean =>
  taskQueue !== null && taskQueue !== dependencies.hostTaskQueue;

/** Code that is bound to its host is never gone on with. */
const nothingStored = { stdout: 0, stderr: 0 } as const;

/** The attempt has not heartbeated yet: the server would take it for dead after ten seconds. */
const listMilliseconds = 5000;

/** What an earlier worker stored of the code's output, where this one sees the same store. */
async function storedBytes(store: ArtifactStore, key: string, attempt: number): Promise<ExecuteContext["stored"]> {
  try {
    const sizes = await within(store.list(key), listMilliseconds);
    const size = (stream: StreamName) => sizes.get(streamReference(key, attempt, stream)) ?? 0;
    return { stdout: size("stdout"), stderr: size("stderr") };
  } catch {
    // The cell still has all of it: a store that cannot be read now, or does not answer, costs its being written once more, and no output.
    return nothingStored;
  }
}

/** Phase 2: runs the code, at most once, and follows it to its end. */
export const execute =
  (dependencies: ActivityDependencies) =>
  async (input: CellInput): Promise<ExecuteOutput | Elsewhere | Full> => {
    if (isElsewhere(dependencies, input)) return { elsewhere: true };
    checkedLimits(input);
    const run = currentRun(input.firstRunId);
    const { store, limiter, running } = dependencies;
    const plan = planCell(dependencies, input.request, input.cellId, run);
    const backend = servedBackend(dependencies, input.backend);
    const stored = backend.hostBound ? nothingStored : await storedBytes(store, run.key, input.attempt);
    const { workflowId, runId } = run;
    // Before it is looked whether the code runs here: between that and its start nothing may come.
    const held = await holdInTime(store, run.key, plan.spec);
    const known = running.know({ ...input, workflowId, runId, requester: plan.spec.requester ?? null });
    if (!known.running) {
      // It has its place since its provisioning. After a restart of the worker it has none, and then it will only be found lost.
      if (backend.hostBound) limiter.hold(input.cellId);
      const cell = startCell(store, backend, plan, {
        key: run.key,
        stored,
        attempt: input.attempt,
        limits: input.limits,
      });
      known.running = cell;
      cell.outcome
        .catch(() => {
          // It did not come to run: another attempt may try again.
          if (known.running === cell) delete known.running;
        })
        .finally(() => {
          limiter.release(input.cellId);
          // What says that the run goes on grows old where it cannot be removed.
          held.release().catch(() => {});
        });
    } else {
      held.leave();
    }
    const { live } = plan.spec;
    let answer: ExecuteOutput | Full;
    try {
      answer = await follow(known, known.running, { live: live === "heartbeat", hostBound: backend.hostBound });
    } catch (error) {
      if (!(error instanceof NoRoom)) throw error;
      answer = { full: true, cluster: error.message };
    }
    // A cell of a cluster keeps what it has left until it is released: any worker can ask for it again.
    if (!backend.hostBound) running.forget(input.cellId);
    return answer;
  };
