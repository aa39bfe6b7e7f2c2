/**
 * Goes on until the code of a cell has ended, or until its output is collected, or until that cannot be any more: through
 * broken connections and an API server that is away.
 *
 * @module
 */
import { setTimeout as wait } from "node:timers/promises";
import { KgentsError } from "#core/contract/error";
import { collectionGraceSeconds } from "#core/manifest/cell-pod";
import type { CellPlan, ExecuteContext } from "../../provider.ts";
import { ClusterError, toRunFailure } from "../api/cluster-error.ts";
import { observeCell } from "../api/observe.ts";
import type { OwnCells } from "../api/own-cells.ts";
import { type CellState, cellContainer } from "../cell/classify-cell.ts";
import { classifyPinned, type Pin } from "../cell/pin.ts";
import { cellScripts } from "./cell-scripts.ts";
import { type Collected, collectOnce } from "./collect.ts";
import { runProgram } from "./exec-session.ts";
import { followOnce, type Progress, StoreError } from "./follow.ts";

/** How cells are reached. */
export interface Reach extends OwnCells {
  /** How long a node may not answer, counted from the end of the code's time. */
  readonly nodePatienceMilliseconds: number;
}

/** One cell whose supervisor runs. */
export interface CellRun {
  readonly reach: Reach;
  readonly plan: CellPlan;
  readonly context: ExecuteContext;
  readonly pod: string;
  readonly pin: Pin;
  readonly progress: Progress;
}

type Gone = { readonly end: "gone"; readonly state: Extract<CellState, { state: "ended" | "failed" }> };
type Unreachable = { readonly end: "unreachable"; readonly why: string };

/** The first pause after a broken connection; it doubles, up to the second. */
const pauses = { first: 100, longest: 2000 } as const;
/** The cell ends the code by itself at its time limit: so much later the worker does it. */
const supervisorPatience = 2000;
/** How long to try to end code that is to be stopped; after that the clean-up takes the cell away. */
const stopPatience = 10_000;
/** How long code that was to be ended may be collected from, where what it leaves matters less than that the run ends. */
const hurriedPatience = 5000;
/** A cell keeps its output for its grace; some of that is left for the collecting itself. */
const collectionPatience = (collectionGraceSeconds - 30) * 1000;
const askMilliseconds = 3000;
/** A connection to a container that has ended breaks by itself, unless its node is gone. */
const breakPatience = 3000;

/** Whether this worker is to follow the code no longer. */
export const isHandedOver = (stop: AbortSignal): boolean => stop.aborted && stop.reason === "handed-over";

/** Thrown where this worker no longer follows the code, which runs on. */
export const handedOver = (): KgentsError =>
  new KgentsError("cell-handed-over", "another worker follows the code from here on");

/** What the server says of the cell; undefined where it does not answer. */
async function stateNow({ reach, plan, pin }: CellRun): Promise<CellState | undefined> {
  try {
    const observed = await observeCell(reach, plan.cellId, AbortSignal.timeout(askMilliseconds));
    return classifyPinned(observed, pin, new Date());
  } catch {
    // Whatever it was, the answer is not there; the caller's patience bounds how often that may be.
    return undefined;
  }
}

/** Aborted when the code is to be ended or let go. A time limit is the cell's own business at first. */
function endingSignal(stop: AbortSignal): AbortSignal {
  const controller = new AbortController();
  const onStop = (): void => {
    const patience = stop.reason === "timed-out" ? supervisorPatience : 0;
    setTimeout(() => controller.abort(stop.reason), patience).unref();
  };
  if (stop.aborted) onStop();
  else stop.addEventListener("abort", onStop, { once: true });
  return controller.signal;
}

/** Closes a connection to a cell that the watch shows to be over, where it does not break by itself. */
async function closeWhenGone({ reach, plan, pin }: CellRun, over: AbortSignal, close: () => void): Promise<void> {
  while (!over.aborted) {
    using change = reach.watch.listen(plan.cellId, over);
    const pods = reach.watch.podsOf(plan.cellId);
    // A watch that has just begun anew knows of no pods yet.
    const state = pods.length > 0 && classifyPinned({ job: null, pods, events: [] }, pin, new Date()).state;
    if (state === "failed" || state === "ended") {
      await wait(breakPatience, undefined, { signal: over }).catch(() => {});
      return close();
    }
    await change.within();
  }
}

/** When waiting for a cell that does not answer is given up. */
function patienceEnds({ progress, plan, reach }: CellRun, serverAnswers: boolean, since: number): number {
  const codeEnds = (progress.startedAt?.getTime() ?? since) + plan.spec.timeout;
  return Math.max(codeEnds, since) + (serverAnswers ? reach.nodePatienceMilliseconds : collectionPatience);
}

/** What follows from a broken connection: the cell is over, or patience is, or it is tried again. */
async function afterBreak(run: CellRun, why: string, since: number): Promise<Gone | Unreachable | undefined> {
  const state = await stateNow(run);
  if (state?.state === "ended" || state?.state === "failed") return { end: "gone", state };
  return Date.now() > patienceEnds(run, state !== undefined, since) ? { end: "unreachable", why } : undefined;
}

/** The words of an error that says no more than that the connection is not there; others are thrown. */
function whyBroken(error: unknown, { reach, progress }: CellRun): string {
  if (!(error instanceof ClusterError)) throw error;
  if (error.status === 403 && !progress.mayHaveStarted) throw toRunFailure(error);
  if (error.status === 401) reach.client.reload();
  return error.message;
}

/**
 * Delivers and follows until the code has ended.
 *
 * @throws KgentsError where nothing was started, or the cell is let go of; StoreError
 */
export async function followToEnd(run: CellRun): Promise<{ readonly end: "code-ended" } | Gone | Unreachable> {
  const { reach, plan, context, progress, pod } = run;
  const ending = endingSignal(context.stop);
  let brokenSince: number | undefined;
  for (let pause: number = pauses.first; !ending.aborted; pause = Math.min(2 * pause, pauses.longest)) {
    const over = new AbortController();
    const close = new AbortController();
    // Where the watch itself fails, the server is asked.
    const watched = closeWhenGone(run, over.signal, () => close.abort()).catch(() => close.abort());
    let why: string;
    try {
      const before = progress.received.stdout + progress.received.stderr;
      const end = await followOnce(reach.client, pod, plan, context, progress, AbortSignal.any([ending, close.signal]));
      if (end.end === "code-ended") return end;
      if (end.end === "refused") throw new KgentsError("cell-start", `the code could not be started: ${end.why}`);
      why = end.why;
      if (progress.received.stdout + progress.received.stderr > before) {
        // It was there a moment ago.
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

/** When to give up, as far as the server answers or not. */
type Patience = (serverAnswers: boolean) => number;

function hurried(): Patience {
  const deadline = Date.now() + stopPatience;
  return () => deadline;
}

/** How long to try to end code that is to end. At its time limit its output and its end still matter. */
function patienceOfStop(run: CellRun): Patience {
  if (run.context.stop.reason !== "timed-out") return hurried();
  const since = Date.now();
  return (serverAnswers) => patienceEnds(run, serverAnswers, since);
}

/** Kills the code from within its cell. */
async function endCode(run: CellRun, patience: Patience): Promise<{ readonly end: "code-ended" } | Gone | Unreachable> {
  const { reach, pod } = run;
  for (let pause: number = pauses.first; ; pause = Math.min(2 * pause, pauses.longest)) {
    let why: string;
    try {
      const limit = AbortSignal.timeout(stopPatience);
      const end = await runProgram(reach.client, { pod, container: cellContainer }, cellScripts.kill(), limit);
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

/** Until when to collect: as long as the cell keeps what it has; less where the run was cancelled, or is another worker's. */
function collectionDeadline(stop: AbortSignal): Disposable & { readonly signal: AbortSignal } {
  const controller = new AbortController();
  const end = (): void => controller.abort();
  const clocks = [setTimeout(end, collectionPatience)];
  const onStop = (): void => {
    if (stop.reason === "timed-out") return;
    clocks.push(setTimeout(end, isHandedOver(stop) ? 0 : hurriedPatience));
  };
  if (stop.aborted) onStop();
  else stop.addEventListener("abort", onStop, { once: true });
  return {
    signal: controller.signal,
    [Symbol.dispose]: () => {
      for (const clock of clocks) clearTimeout(clock);
      stop.removeEventListener("abort", onStop);
    },
  };
}

/**
 * Collects what the code has left. Can be begun anew by another worker.
 *
 * @throws StoreError; KgentsError where the cell is let go of
 */
export async function collectToEnd(
  run: CellRun,
): Promise<{ readonly end: "collected"; readonly collected: Collected } | Gone | Unreachable> {
  const { reach, plan, context, progress, pod } = run;
  const since = Date.now();
  const saved = new Set<string>();
  using clock = collectionDeadline(context.stop);
  const deadline = AbortSignal.any([clock.signal, context.abandoned]);
  for (let pause: number = pauses.first; ; pause = Math.min(2 * pause, pauses.longest)) {
    let why: string;
    try {
      const end = await collectOnce(reach.client, pod, plan, context, progress, saved, deadline);
      if ("collected" in end) return { end: "collected", collected: end.collected };
      why = end.failed;
      // The code resisted, or the watchdogs of its cell are dead.
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
