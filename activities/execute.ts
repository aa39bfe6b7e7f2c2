import { CancelledFailure, Context } from "@temporalio/activity";
import type { ActivityCancellationDetails } from "@temporalio/common";
import { servedProvider } from "#cells/placement/choose-provider";
import { NoPlace } from "#cells/placement/no-place";
import type { ProgramContext } from "#cells/provider";
import { KgentsError } from "#core/contract/error";
import { within } from "#platform/host/time-limit";
import type { ArtifactStore } from "#platform/store/artifact-store";
import { type StreamName, streamReference } from "#platform/store/references";
import type { CellInput, Elsewhere, ExecuteOutput, NoPlaceNow } from "./contract.ts";
import type { ActivityDependencies } from "./dependencies.ts";
import { holdInTime } from "./in-time.ts";
import { checkedLimits } from "./inputs.ts";
import { currentRun, planCell, withPrepared } from "./plan.ts";
import type { KnownCell, RunningCell } from "./running-cells.ts";
import { startProgram } from "./start-program.ts";

/** The heartbeat interval without new output. A cancellation is delivered only in the response to a heartbeat. */
const idleBeatMilliseconds = 1000;
/** The minimum interval between heartbeats with live output. */
const liveBeatMilliseconds = 250;

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
export async function follow(
  known: KnownCell,
  cell: RunningCell,
  { live, movable }: { live: boolean; movable: boolean },
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
    if (movable && !context.cancellationDetails?.cancelRequested && known.running === cell) delete known.running;
    return await handOver(cell, movable, context.cancellationDetails, error);
  } finally {
    stopBeating();
    known.followers -= 1;
    // If Temporal no longer knows this attempt, the run may be closed: the janitor must not wait for another attempt.
    known.lastFollowed = context.cancellationDetails?.notFound ? 0 : Date.now();
  }
}

/**
 * Handles the cancellation of an activity attempt. The code is stopped only if cancellation was requested, or if the
 * worker of a cell that only its host reaches shuts down. If the attempt was paused, reset or timed out, the code
 * continues to run, and the next attempt follows it.
 */
function handOver(
  cell: RunningCell,
  movable: boolean,
  details: ActivityCancellationDetails | undefined,
  error: CancelledFailure,
): Promise<ExecuteOutput> {
  if (details?.cancelRequested) {
    cell.stop("cancelled", "the run was cancelled");
    return cell.outcome;
  }
  if (details?.workerShutdown && !movable) {
    cell.stop("worker-shutdown", "the worker was shut down while the code ran");
    return cell.outcome;
  }
  if (movable) cell.stop("handed-over", "another worker follows the code from here on");
  if (details?.workerShutdown) throw new KgentsError("cell-handed-over", "the worker was shut down; another goes on");
  throw error;
}

/** Whether a cell is on another host. */
export const isElsewhere = (dependencies: ActivityDependencies, { taskQueue }: Pick<CellInput, "taskQueue">): boolean =>
  taskQueue !== null && taskQueue !== dependencies.hostTaskQueue;

/** For a cell that only its host reaches: no other worker has followed it. */
export const nothingStored = { stdout: 0, stderr: 0 } as const;

/** Timeout of the listing. The attempt has not heartbeated yet, so the server would time it out after ten seconds. */
const listMilliseconds = 5000;

/** The bytes of output that an earlier worker stored. */
export async function storedBytes(
  store: ArtifactStore,
  key: string,
  attempt: number,
): Promise<ProgramContext["stored"]> {
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
  async (input: CellInput): Promise<ExecuteOutput | Elsewhere | NoPlaceNow> => {
    if (isElsewhere(dependencies, input)) return { elsewhere: true };
    checkedLimits(input);
    const run = currentRun(input.firstRunId);
    const { store, running } = dependencies;
    const { spec, program, ...planned } = planCell(dependencies, input.request, input.cellId, run);
    const cell = withPrepared(planned.cell, input.environment, dependencies.policy);
    const provider = servedProvider(dependencies, input.backend);
    const { placement } = provider;
    // Without a queue of its host, any worker can continue to follow the cell.
    const movable = input.taskQueue === null;
    const stored = movable ? await storedBytes(store, run.key, input.attempt) : nothingStored;
    const { workflowId, runId } = run;
    // Await this before the lookup below: there must be no await between the lookup and the start of the code.
    const held = await holdInTime(store, run.key, spec);
    const known = running.know({ ...input, workflowId, runId, requester: spec.requester ?? null });
    if (!known.running) {
      // After a worker restart the cell has no place any more.
      placement.hold(input.cellId);
      const started = startProgram(store, provider, cell, program, {
        key: run.key,
        stored,
        attempt: input.attempt,
        live: spec.live === "heartbeat",
        limits: input.limits,
      });
      known.running = started;
      started.outcome
        .catch(() => {
          // The code was not started, so another attempt may try again.
          if (known.running === started) delete known.running;
        })
        .finally(() => {
          placement.release(input.cellId);
          // If the live marker cannot be removed, it expires.
          held.release().catch(() => {});
        });
    } else {
      held.leave();
    }
    let answer: ExecuteOutput | NoPlaceNow;
    try {
      answer = await follow(known, known.running, { live: spec.live === "heartbeat", movable });
    } catch (error) {
      if (!(error instanceof NoPlace)) throw error;
      answer = { full: true, cluster: error.message };
    }
    // Its output stays in the cell until it is released, so any worker can follow it again.
    if (movable) running.forget(input.cellId);
    return answer;
  };
