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

/** The heartbeat interval without new output. A cancellation is delivered only in the response to a heartbeat. */
const idleBeatMilliseconds = 1000;
/** The minimum interval between heartbeats with live output. */
const liveBeatMilliseconds = 250;

/**
 * The backend of that name.
 *
 * @throws KgentsError `backend-unavailable` if this worker does not serve it
 */
export function servedBackend(dependencies: ActivityDependencies, name: BackendName): Backend {
  const backend = dependencies.backends[name];
  if (backend) return backend;
  throw new KgentsError("backend-unavailable", `this worker does not serve the backend ${name}`);
}

/**
 * Heartbeats until the returned function is called. The first heartbeat is sent after a second, or with the first live
 * output. A shorter run needs none.
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

/** Follows a running cell until its outcome is known, or until this activity attempt is cancelled. */
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
    // The next attempt, even on this worker, starts following again from the stored output.
    if (!hostBound && !context.cancellationDetails?.cancelRequested && known.running === cell) delete known.running;
    return await handOver(cell, hostBound, context.cancellationDetails, error);
  } finally {
    stopBeating();
    known.followers -= 1;
    // If Temporal no longer knows this attempt, the run may be closed: the janitor must not wait for another attempt.
    known.lastFollowed = context.cancellationDetails?.notFound ? 0 : Date.now();
  }
}

/**
 * Handles the cancellation of an activity attempt. The code is stopped only if cancellation was requested, or if a
 * host-bound cell's worker shuts down. If the attempt was paused, reset or timed out, the code continues to run, and
 * the next attempt follows it.
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

/** Whether a cell is on another host. */
export const isElsewhere = (dependencies: ActivityDependencies, { taskQueue }: Pick<CellInput, "taskQueue">): boolean =>
  taskQueue !== null && taskQueue !== dependencies.hostTaskQueue;

/** For host-bound code, which no other worker can continue to follow. */
const nothingStored = { stdout: 0, stderr: 0 } as const;

/** Timeout of the listing. The attempt has not heartbeated yet, so the server would time it out after ten seconds. */
const listMilliseconds = 5000;

/** The bytes of output that an earlier worker stored. */
async function storedBytes(store: ArtifactStore, key: string, attempt: number): Promise<ExecuteContext["stored"]> {
  try {
    const sizes = await within(store.list(key), listMilliseconds);
    const size = (stream: StreamName) => sizes.get(streamReference(key, attempt, stream)) ?? 0;
    return { stdout: size("stdout"), stderr: size("stderr") };
  } catch {
    // No output is lost if the store cannot be read: the cell still has all of it, and it is written again.
    return nothingStored;
  }
}

/** Phase 2: runs the code at most once, and follows it to its end. */
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
    // Await this before the lookup below: there must be no await between the lookup and the start of the code.
    const held = await holdInTime(store, run.key, plan.spec);
    const known = running.know({ ...input, workflowId, runId, requester: plan.spec.requester ?? null });
    if (!known.running) {
      // The cell holds its slot since provisioning. After a worker restart it has none, and the run will be found lost.
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
          // The code was not started, so another attempt may try again.
          if (known.running === cell) delete known.running;
        })
        .finally(() => {
          limiter.release(input.cellId);
          // If the live marker cannot be removed, it expires.
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
    // A cell in a cluster keeps its output until it is released, so any worker can follow it again.
    if (!backend.hostBound) running.forget(input.cellId);
    return answer;
  };
