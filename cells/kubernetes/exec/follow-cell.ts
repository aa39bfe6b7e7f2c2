/**
 * Follows the code of a cell until it has ended, then collects its output. Retries through broken connections and an
 * unavailable API server until the cell is gone or the deadline passes.
 *
 * @module
 */
import { setTimeout as wait } from "node:timers/promises";
import type { Program } from "#core/contract/cell-shape";
import { KgentsError } from "#core/contract/error";
import type { CellPlan } from "../../cell-plan.ts";
import type { ProgramContext } from "../../provider.ts";
import { ClusterError, toRunFailure } from "../api/cluster-error.ts";
import { observeCell } from "../api/observe.ts";
import type { OwnCells } from "../api/own-cells.ts";
import { type CellState, cellContainer } from "../cell/classify-cell.ts";
import { classifyPinned, type Pin } from "../cell/pin.ts";
import { cellScripts } from "./cell-scripts.ts";
import { type Collected, collectOnce } from "./collect.ts";
import { runScript } from "./exec-session.ts";
import { followOnce, type Progress, StoreError } from "./follow.ts";
import { collectionDeadline, collectionPatience, endingSignal, handedOver, isHandedOver } from "./stop-signals.ts";

/** The access to an instance's cells. */
export interface Reach extends OwnCells {
  /** How long a node may be unresponsive, counted from the end of the code's time limit. */
  readonly nodePatienceMilliseconds: number;
}

/** A program in a cell whose supervisor runs. */
export interface CellRun {
  readonly reach: Reach;
  readonly cell: CellPlan;
  readonly program: Program;
  /** That of the program within the run directory: see `programDirectory`. */
  readonly directory: string;
  readonly context: ProgramContext;
  readonly pod: string;
  readonly pin: Pin;
  readonly progress: Progress;
}

type Gone = { readonly end: "gone"; readonly state: Extract<CellState, { state: "ended" | "failed" }> };
type Unreachable = { readonly end: "unreachable"; readonly why: string };
/** The cell still exists, and does not have the program's output any more. */
type Discarded = { readonly end: "discarded" };

/** Back-off after a broken connection, in milliseconds: starts at `first` and doubles up to `longest`. */
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

/** The time at which to give up on a cell that does not answer, in milliseconds since the epoch. */
function patienceEnds({ progress, program, reach }: CellRun, serverAnswers: boolean, since: number): number {
  const codeEnds = (progress.startedAt?.getTime() ?? since) + program.timeout;
  return Math.max(codeEnds, since) + (serverAnswers ? reach.nodePatienceMilliseconds : collectionPatience);
}

/** Decides what to do after a broken connection: the cell is gone, the deadline has passed, or undefined to retry. */
async function afterBreak(run: CellRun, why: string, since: number): Promise<Gone | Unreachable | undefined> {
  const state = await stateNow(run);
  if (state?.state === "ended" || state?.state === "failed") return { end: "gone", state };
  return Date.now() > patienceEnds(run, state !== undefined, since) ? { end: "unreachable", why } : undefined;
}

/** The message of an error that only means a broken connection; other errors are thrown. */
function whyBroken(error: unknown, { reach, progress }: CellRun): string {
  if (!(error instanceof ClusterError)) throw error;
  if (error.status === 403 && !progress.mayHaveStarted) throw toRunFailure(error);
  if (error.status === 401) reach.client.reload();
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
  const { reach, program, directory, context, progress, pod } = run;
  const ending = endingSignal(context.stop);
  let brokenSince: number | undefined;
  for (let pause: number = pauses.first; !ending.aborted; pause = Math.min(2 * pause, pauses.longest)) {
    const over = new AbortController();
    const close = new AbortController();
    // If the watch fails, close the connection: the server is then asked directly.
    const watched = closeWhenGone(run, over.signal, () => close.abort()).catch(() => close.abort());
    let why: string;
    try {
      const before = progress.received.stdout + progress.received.stderr;
      const end = await followOnce(
        reach.client,
        pod,
        program,
        directory,
        context,
        progress,
        AbortSignal.any([ending, close.signal]),
      );
      if (end.end === "code-ended" || end.end === "discarded") return end;
      if (end.end === "refused") throw new KgentsError("cell-start", `the code could not be started: ${end.why}`);
      why = end.why;
      if (progress.received.stdout + progress.received.stderr > before) {
        // Output arrived on this connection, so reset the back-off.
        pause = pauses.first;
        brokenSince = undefined;
      }
    } catch (error) {
      if (error instanceof StoreError) await endCode(run, hurried());
      why = whyBroken(error, run);
    } finally {
      over.abort();
      await watched;
    }
    if (ending.aborted) break;
    brokenSince ??= Date.now();
    const next = await afterBreak(run, why, brokenSince);
    if (next) return next;
    await wait(pause, undefined, { signal: ending }).catch(() => {});
  }
  if (isHandedOver(context.stop)) throw handedOver();
  if (context.stop.reason === "startup-timeout" && !progress.mayHaveStarted) {
    return { end: "unreachable", why: "it did not answer within its start-up time" };
  }
  return endCode(run, patienceOfStop(run));
}

/** The time at which to give up, depending on whether the server answers. */
type Patience = (serverAnswers: boolean) => number;

function hurried(): Patience {
  const deadline = Date.now() + stopPatience;
  return () => deadline;
}

/**
 * When to give up stopping the code. At the time limit the full deadline applies, because its output and exit status
 * still matter.
 */
function patienceOfStop(run: CellRun): Patience {
  if (run.context.stop.reason !== "timed-out") return hurried();
  const since = Date.now();
  return (serverAnswers) => patienceEnds(run, serverAnswers, since);
}

/** Kills the code from inside its cell, unless another program of the cell has been prepared since. */
async function endCode(run: CellRun, patience: Patience): Promise<{ readonly end: "code-ended" } | Gone | Unreachable> {
  const { reach, pod, directory } = run;
  for (let pause: number = pauses.first; ; pause = Math.min(2 * pause, pauses.longest)) {
    let why: string;
    try {
      const limit = AbortSignal.timeout(stopPatience);
      const end = await runScript(reach.client, { pod, container: cellContainer }, cellScripts.kill(directory), limit);
      if ("exitCode" in end && end.exitCode === 0) return { end: "code-ended" };
      why = "broken" in end ? end.broken : `exit code ${end.exitCode}`;
    } catch (error) {
      why = whyBroken(error, run);
    }
    const state = await stateNow(run);
    if (state?.state === "ended" || state?.state === "failed") return { end: "gone", state };
    if (Date.now() + pause > patience(state !== undefined)) return { end: "unreachable", why };
    await wait(pause);
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
  const { reach, cell, program, directory, context, progress, pod } = run;
  const since = Date.now();
  const saved = new Set<string>();
  using clock = collectionDeadline(context.stop);
  const deadline = AbortSignal.any([clock.signal, context.abandoned]);
  for (let pause: number = pauses.first; ; pause = Math.min(2 * pause, pauses.longest)) {
    let why: string;
    try {
      const end = await collectOnce(
        reach.client,
        pod,
        program,
        directory,
        cell.shape.disk,
        context,
        progress,
        saved,
        deadline,
      );
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
    const next = await afterBreak(run, why, since);
    if (next) return next;
    const hurried = context.stop.aborted && context.stop.reason !== "timed-out";
    if (hurried && Date.now() > since + stopPatience) return { end: "unreachable", why };
    await wait(pause);
  }
}
