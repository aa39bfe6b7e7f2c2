/**
 * A session within one execution of its workflow: what its updates do, one at a time, and how it ends.
 *
 * @module
 */
import {
  ApplicationFailure,
  CancellationScope,
  condition,
  currentUpdateInfo,
  isCancellation,
  workflowInfo,
} from "@temporalio/workflow";
import type { SessionUpdate } from "#core/contract/session/names";
import type { CallResult, Interrupted, SessionEnd } from "#core/contract/session/result";
import { oneLine, titleOf } from "#core/text/code-excerpt";
import { failureOf, toWorkflowFailure } from "../failure.ts";
import { interrupting } from "../phases.ts";
import { emptyOutput } from "../result.ts";
import { callResultOf, entryOf, failedEntryOf, millisecondsOf } from "./call-result.ts";
import { type CellKeeper, createCellKeeper } from "./cell-keeper.ts";
import { listFiles, makeCheckpoint, readFiles, removeFiles, writeFiles } from "./file-updates.ts";
import type { SessionMemory } from "./memory.ts";
import { createTurns, type Turns } from "./turns.ts";
import type { Ran, Wanted } from "./wanted.ts";
import { createWithdrawals, type Withdrawals } from "./withdrawals.ts";

/** What runs now. */
interface Activity {
  readonly call: number | null;
  readonly updateId: string;
  readonly kind: SessionUpdate;
  readonly title: string;
  readonly since: number;
}

/** A session within one execution. */
export interface LiveSession {
  /** The raw session. */
  readonly session: unknown;
  readonly memory: SessionMemory;
  readonly keeper: CellKeeper;
  readonly turns: Turns;
  readonly withdrawals: Withdrawals;
  activity: Activity | null;
  /** Why the session ends; null while it does not. */
  ending: SessionEnd["reason"] | null;
  /** Why the session cannot continue. */
  fatal?: ApplicationFailure;
  /** Whether the cell is removed, and updates that wait for that may be answered. */
  isOver: boolean;
  /** Whether an interrupt of what runs was asked for. */
  isInterrupted: boolean;
  /** The scope of what runs. */
  scope?: CancellationScope;
}

/** Creates a session without a cell, or with that of the execution before. */
export const createLiveSession = (session: unknown, memory: SessionMemory): LiveSession => ({
  session,
  memory,
  keeper: createCellKeeper(session, memory),
  turns: createTurns(),
  withdrawals: createWithdrawals(),
  activity: null,
  ending: null,
  isOver: false,
  isInterrupted: false,
});

/** The failure of an update of a session that has ended. */
export const sessionClosed = (): ApplicationFailure =>
  failureOf("session-closed", `the session ${workflowInfo().workflowId} has ended`);

/** The failures that end a session: it must not continue, or can never have a cell. */
const isHopeless = (failure: ApplicationFailure, { latest }: SessionMemory): boolean =>
  failure.type === "session-lost" || latest === null;

/** The end of a session. */
export const endOf = ({ ending, memory }: LiveSession): SessionEnd => ({
  id: workflowInfo().workflowId,
  reason: ending ?? "closed",
  calls: memory.calls,
});

/** Ends what runs, and refuses what waits. The first reason counts. */
export function endSession(live: LiveSession, reason: SessionEnd["reason"]): void {
  live.ending ??= reason;
  live.scope?.cancel();
}

/** The end of a call that was withdrawn before it began. */
const withdrawn: Ran = {
  answer: { output: emptyOutput("cancelled", "the call was interrupted before it began") },
  restored: null,
};

async function runCall(live: LiveSession, argument: unknown, updateId: string): Promise<CallResult> {
  const { memory, keeper } = live;
  const began = Date.now();
  memory.calls += 1;
  const call = memory.calls;
  const title = titleOf(argument);
  live.activity = { call, updateId, kind: "run", title, since: began };
  live.isInterrupted = false;
  const wanted: Wanted = {
    program: { kind: "run", call: argument },
    summary: `call ${call}: ${oneLine(title, 60)}`,
    milliseconds: millisecondsOf(argument),
    mayCheckpoint: true,
  };
  try {
    const ran = live.withdrawals.take(updateId) ? withdrawn : await keeper.run(wanted);
    const result = callResultOf({ call, language: memory.latest?.language ?? "" }, ran, live.isInterrupted);
    memory.addEntry(entryOf(argument, began, result));
    return result;
  } catch (error) {
    memory.addEntry(failedEntryOf(argument, began, call));
    throw error;
  }
}

type Work = (live: LiveSession, argument: unknown, updateId: string) => Promise<unknown>;

/** The updates that take a turn. */
const works: Readonly<Record<Exclude<SessionUpdate, "interrupt" | "close">, Work>> = {
  run: runCall,
  writeFiles: ({ keeper }: LiveSession, argument: unknown) => writeFiles(keeper, argument),
  readFiles: ({ keeper }: LiveSession, argument: unknown) => readFiles(keeper, argument),
  listFiles: ({ keeper }: LiveSession) => listFiles(keeper),
  removeFiles: ({ keeper }: LiveSession, argument: unknown) => removeFiles(keeper, argument),
  checkpoint: ({ keeper }: LiveSession) => makeCheckpoint(keeper),
};

/** Does the work of an update when those before it have ended. */
async function doWork(
  live: LiveSession,
  kind: keyof typeof works,
  argument: unknown,
  updateId: string,
): Promise<unknown> {
  if (live.ending !== null || live.fatal) throw live.fatal ?? sessionClosed();
  live.activity = { call: null, updateId, kind, title: kind, since: Date.now() };
  const scope = new CancellationScope();
  live.scope = scope;
  try {
    return await scope.run(() => works[kind](live, argument, updateId));
  } catch (error) {
    const failure = isCancellation(error) ? sessionClosed() : toWorkflowFailure(error);
    const isFatal = failure instanceof ApplicationFailure && isHopeless(failure, live.memory);
    // What fails because the session ends is no reason of its own.
    if (isFatal && live.ending === null) live.fatal = failure;
    throw failure;
  } finally {
    delete live.scope;
    live.activity = null;
    live.memory.lastUsed = Date.now();
  }
}

/** The call that an interrupt names; undefined if it means the one that runs. */
function targetOf(argument: unknown): string | undefined {
  const { update }: { update?: unknown } = typeof argument === "object" && argument !== null ? argument : {};
  return typeof update === "string" ? update : undefined;
}

/**
 * Interrupts the call that runs, as Ctrl-C does: none of another client, if the interrupt names one. A named call that
 * does not run yet is withdrawn.
 */
async function interrupt(live: LiveSession, argument: unknown): Promise<Interrupted> {
  const { memory, session, keeper, activity } = live;
  const target = targetOf(argument);
  if (target !== undefined && activity?.updateId !== target) {
    live.withdrawals.add(target);
    return { interrupted: true };
  }
  const { current, ends } = memory;
  // Only a call: what restores or keeps files must come to its end.
  if (current === null || ends === null || current.kind !== "run") return { interrupted: false };
  const { cell, n } = current;
  const { cellId, backend, taskQueue } = cell;
  live.isInterrupted = true;
  const firstRunId = workflowInfo().firstExecutionRunId;
  const input = { session, ends, cellId, backend, taskQueue, firstRunId, n };
  try {
    const answer = await interrupting(cell, keeper.where.place).interruptProgram(input);
    if ("interrupted" in answer) return answer;
    const answerOfHost = await interrupting(cell, "host").interruptProgram(input);
    return { interrupted: "interrupted" in answerOfHost && answerOfHost.interrupted };
  } catch (error) {
    throw toWorkflowFailure(error);
  }
}

async function close(live: LiveSession): Promise<SessionEnd> {
  endSession(live, "closed");
  await condition(() => live.isOver);
  return endOf(live);
}

function work(live: LiveSession, kind: SessionUpdate, argument: unknown, updateId: string): Promise<unknown> {
  if (kind === "interrupt") return interrupt(live, argument);
  if (kind === "close") return close(live);
  return live.turns.take(() => doWork(live, kind, argument, updateId));
}

/**
 * Carries out an update, unless it was carried out before.
 *
 * @throws ApplicationFailure
 */
export async function carryOut(live: LiveSession, kind: SessionUpdate, argument: unknown): Promise<unknown> {
  const { memory } = live;
  const id = currentUpdateInfo()?.id ?? "";
  const before = memory.recent.find(id);
  if (before) return before.value;
  memory.lastUsed = Date.now();
  try {
    const answer = await work(live, kind, argument, id);
    memory.recent.add(id, answer);
    return answer;
  } catch (error) {
    if (error instanceof ApplicationFailure) memory.recent.addFailure(id, error);
    throw error;
  }
}
