/**
 * Follows the code of a cell until it has ended, then collects its output. Retries through broken connections and an
 * unavailable API server until the cell is gone or the deadline passes.
 *
 * @module
 */
import { setTimeout as wait } from "node:timers/promises";
import { KgentsError } from "#core/contract/error";
import { createBackoff } from "#platform/host/backoff";
import type { CellPlan } from "../../cell-plan.ts";
import { ClusterError, toRunFailure } from "../api/cluster-error.ts";
import { observeCell } from "../api/observe.ts";
import type { OwnCells } from "../api/own-cells.ts";
import { type CellState, cellContainer } from "../cell/classify-cell.ts";
import { classifyPinned, type Pin } from "../cell/pin.ts";
import { cellScripts } from "./cell-scripts.ts";
import { collectOnce } from "./collect.ts";
import type { Collected } from "./collected.ts";
import { runScript } from "./exec-session.ts";
import { followOnce } from "./follow.ts";
import { type Patience, patienceWith } from "./patience.ts";
import type { PodProgram } from "./pod-program.ts";
import { StoreError } from "./pour.ts";
import { collectionDeadline, endingSignal, handedOver, isHandedOver } from "./stop-signals.ts";

/** The access to an instance's cells. */
export interface Reach extends OwnCells {
  /** How long a node may be unresponsive, counted from the end of the code's time limit. */
  readonly nodePatienceMilliseconds: number;
}

/** A program in a cell whose supervisor runs. */
export interface CellRun extends PodProgram {
  readonly reach: Reach;
  readonly cell: CellPlan;
  readonly pin: Pin;
}

type Gone = { readonly end: "gone"; readonly state: Extract<CellState, { state: "ended" | "failed" }> };
type Unreachable = { readonly end: "unreachable"; readonly why: string };
/** The cell still exists, and does not have the program's output any more. */
type Discarded = { readonly end: "discarded" };

/** Back-off after a broken connection, in milliseconds. */
const pauses = { first: 100, longest: 2000 } as const;
/** How long to try to stop the code, in milliseconds. After that the clean-up deletes the cell. */
const stopPatience = 10_000;
const askMilliseconds = 3000;
/**
 * How long a connection to an ended container may stay open, in milliseconds. It breaks by itself, unless the node is
 * gone.
 */
const breakPatience = 3000;

/** The state of the cell, read from the server; undefined if the server does not answer. */
async function stateNow({ reach, cell, pin }: CellRun): Promise<CellState | undefined> {
  try {
    const observed = await observeCell(reach, cell.cellId, AbortSignal.timeout(askMilliseconds));
    return classifyPinned(observed, pin, new Date());
  } catch {
    // Treat any error as no answer; the caller's deadline bounds the retries.
    return undefined;
  }
}

/** Closes the connection to a cell that has ended according to the watch, if it does not break by itself. */
async function closeWhenGone({ reach, cell, pin }: CellRun, over: AbortSignal, close: () => void): Promise<void> {
  while (!over.aborted) {
    using change = reach.watch.listen(cell.cellId, over);
    const pods = reach.watch.podsOf(cell.cellId);
    // A watch that has just restarted may not have listed any pods yet.
    const state = pods.length > 0 && classifyPinned({ job: null, pods, events: [] }, pin, new Date()).state;
    if (state === "failed" || state === "ended") {
      await wait(breakPatience, undefined, { signal: over }).catch(() => {});
      return close();
    }
    await change.within();
  }
}

/** The patience with a connection that breaks now. */
function patienceOf({ state, program, reach }: CellRun): Patience {
  const since = Date.now();
  const codeEnds = (state.startedAt?.getTime() ?? since) + program.timeout;
  return patienceWith({ from: Math.max(codeEnds, since), nodePatience: reach.nodePatienceMilliseconds });
}

/** Decides what to do after a broken connection: the cell is gone, the deadline has passed, or undefined to retry. */
async function afterBreak(run: CellRun, why: string, patience: Patience): Promise<Gone | Unreachable | undefined> {
  const state = await stateNow(run);
  if (state?.state === "ended" || state?.state === "failed") return { end: "gone", state };
  return Date.now() > patience(state !== undefined) ? { end: "unreachable", why } : undefined;
}

/** The message of an error that only means a broken connection; other errors are thrown. */
function whyBroken(error: unknown, { client, state }: CellRun): string {
  if (!(error instanceof ClusterError)) throw error;
  if (error.status === 403 && !state.mayHaveStarted) throw toRunFailure(error);
  if (error.status === 401) client.reload();
  return error.message;
}

/**
 * Delivers the code and follows it until it has ended.
 *
 * @throws KgentsError if nothing was started or the cell was handed over; StoreError
 */
export async function followToEnd(
  run: CellRun,
): Promise<{ readonly end: "code-ended" } | Gone | Unreachable | Discarded> {
  const { cell, context, state } = run;
  const ending = endingSignal(context.stop, cell.shape.programs);
  let patience: Patience | undefined;
  const backoff = createBackoff(pauses);
  while (!ending.aborted) {
    const over = new AbortController();
    const close = new AbortController();
    // If the watch fails, close the connection: the server is then asked directly.
    const watched = closeWhenGone(run, over.signal, () => close.abort()).catch(() => close.abort());
    let why: string;
    try {
      const before = state.received.stdout + state.received.stderr;
      const end = await followOnce(run, AbortSignal.any([ending, close.signal]));
      if (end.end === "code-ended" || end.end === "discarded") return end;
      if (end.end === "refused") throw new KgentsError("cell-start", `the code could not be started: ${end.why}`);
      why = end.why;
      if (state.received.stdout + state.received.stderr > before) {
        // Output arrived on this connection, so reset the back-off.
        backoff.reset();
        patience = undefined;
      }
    } catch (error) {
      if (error instanceof StoreError) await endCode(run, hurried());
      why = whyBroken(error, run);
    } finally {
      over.abort();
      await watched;
    }
    if (ending.aborted) break;
    patience ??= patienceOf(run);
    const next = await afterBreak(run, why, patience);
    if (next) return next;
    await backoff.pause(ending);
  }
  if (isHandedOver(context.stop)) throw handedOver();
  if (context.stop.reason === "startup-timeout" && !state.mayHaveStarted) {
    return { end: "unreachable", why: "it did not answer within its start-up time" };
  }
  return endCode(run, patienceOfStop(run));
}

function hurried(): Patience {
  const deadline = Date.now() + stopPatience;
  return () => deadline;
}

/**
 * When to give up stopping the code. At the time limit the full deadline applies, because its output and exit status
 * still matter.
 */
function patienceOfStop(run: CellRun): Patience {
  return run.context.stop.reason === "timed-out" ? patienceOf(run) : hurried();
}

/**
 * Kills the code from inside its cell, unless another program of the cell has been prepared since. That of a session is
 * interrupted first.
 */
async function endCode(run: CellRun, patience: Patience): Promise<{ readonly end: "code-ended" } | Gone | Unreachable> {
  const { client, pod, directory, cell } = run;
  const script = cell.shape.programs === "session" ? cellScripts.stop(directory) : cellScripts.kill(directory);
  const backoff = createBackoff(pauses);
  for (;;) {
    let why: string;
    try {
      const limit = AbortSignal.timeout(stopPatience);
      const end = await runScript(client, { pod, container: cellContainer }, script, limit);
      if ("exitCode" in end && end.exitCode === 0) return { end: "code-ended" };
      why = "broken" in end ? end.broken : `exit code ${end.exitCode}`;
    } catch (error) {
      why = whyBroken(error, run);
    }
    const state = await stateNow(run);
    if (state?.state === "ended" || state?.state === "failed") return { end: "gone", state };
    if (Date.now() + backoff.next() > patience(state !== undefined)) return { end: "unreachable", why };
    await backoff.pause();
  }
}

/**
 * Collects the results of the code. Another worker can start it over.
 *
 * @throws StoreError; KgentsError if the cell was handed over
 */
export async function collectToEnd(
  run: CellRun,
): Promise<{ readonly end: "collected"; readonly collected: Collected } | Gone | Unreachable | Discarded> {
  const { cell, context } = run;
  const since = Date.now();
  const patience = patienceOf(run);
  const saved = new Set<string>();
  using clock = collectionDeadline(context.stop);
  const deadline = AbortSignal.any([clock.signal, context.abandoned]);
  const backoff = createBackoff(pauses);
  for (;;) {
    let why: string;
    try {
      const end = await collectOnce(run, { disk: cell.shape.disk, saved, signal: deadline });
      if ("collected" in end) return { end: "collected", collected: end.collected };
      if ("discarded" in end) return { end: "discarded" };
      why = end.failed;
      // The code survived the kill, or the watchdogs of its cell are dead.
      if (context.stop.aborted) await endCode(run, () => since + stopPatience);
    } catch (error) {
      why = whyBroken(error, run);
    }
    if (isHandedOver(context.stop)) throw handedOver();
    if (deadline.aborted) return { end: "unreachable", why };
    const next = await afterBreak(run, why, patience);
    if (next) return next;
    const hurried = context.stop.aborted && context.stop.reason !== "timed-out";
    if (hurried && Date.now() > since + stopPatience) return { end: "unreachable", why };
    await backoff.pause();
  }
}
