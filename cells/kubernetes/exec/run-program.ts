/**
 * Runs a program in a cell whose Job exists: waits for the supervisor, delivers, follows and collects. Handles lost
 * connections, an unavailable API server, and changes to the pod from outside.
 *
 * @module
 */
import type { CellShape, Program } from "#core/contract/cell-shape";
import { KgentsError } from "#core/contract/error";
import { maximumStreamBytes } from "#core/contract/result";
import type { SupervisorStop } from "#core/manifest/exit-marker";
import { noProcessLimitExit, programDirectory } from "#core/manifest/supervisor";
import { programDirectories, withPackages } from "#core/packages/in-cell";
import { formatDuration } from "#core/text/duration";
import { formatBytes } from "#core/text/quantity";
import type { CellPlan } from "../../cell-plan.ts";
import { lostOutcome, type ProgramContext, type ProgramOutcome } from "../../provider.ts";
import { ranTooLong } from "../../ran-too-long.ts";
import { signalName } from "../../signal-name.ts";
import { awaitRunning } from "../cell/await-running.ts";
import type { CellState } from "../cell/classify-cell.ts";
import { discardedReason, scriptExit } from "./cell-scripts.ts";
import type { Collected } from "./collected.ts";
import { type CellRun, collectToEnd, followToEnd, type Reach } from "./follow-cell.ts";
import { begin } from "./pod-program.ts";
import { handedOver, isHandedOver } from "./stop-signals.ts";

const killedForMemory: ProgramOutcome = {
  ...lostOutcome(null),
  exit: { code: 137, signal: "SIGKILL" },
  outOfMemory: true,
};

/** The outcome of code whose cell ended or was deleted before its output was collected. */
function outcomeOf(state: Extract<CellState, { state: "ended" | "failed" }>): ProgramOutcome {
  if (state.state === "failed") return lostOutcome(`${state.kind}: ${state.detail}`);
  if (state.outOfMemory) return killedForMemory;
  return lostOutcome(`the cell ended (exit code ${state.exitCode}) before its output was collected`);
}

/**
 * The outcome of a program whose cell had ended before this worker could follow it. Only the code of a one-shot run has
 * certainly run then.
 */
const outcomeOfEnded = (state: Extract<CellState, { state: "ended" }>, n: number): ProgramOutcome =>
  n > 1 && state.outOfMemory
    ? lostOutcome("the cell had ended at its memory limit, and it is unknown whether this program had been started")
    : outcomeOf(state);

const stopOf = (
  reason: SupervisorStop,
  timeout: number,
  { disk, lifetime }: CellShape,
): NonNullable<ProgramOutcome["stopped"]> => {
  switch (reason) {
    case "timed-out":
      return { reason, detail: ranTooLong(timeout) };
    case "lifetime-over":
      return { reason: "timed-out", detail: `the lifetime of its cell, ${formatDuration(lifetime)}, was over` };
    case "disk-limit":
      return {
        reason,
        detail: `the code wrote more than ${formatBytes(disk)} of files, its disk limit, and was ended`,
      };
    case "output-limit":
      return { reason, detail: `the code wrote more than ${formatBytes(maximumStreamBytes)} to a stream` };
  }
};

function outcomeFrom(collected: Collected, { cell, program }: CellRun): ProgramOutcome {
  const { marker, memoryKills, peakMemoryBytes, cpuSeconds, elapsedMilliseconds, filesOmitted, kernelResult } =
    collected;
  const about = { usage: { peakMemoryBytes, cpuSeconds }, filesOmitted, kernelResult };
  if (marker === undefined) {
    return { exit: null, outOfMemory: false, lost: "the code has overwritten what its cell says of its end", ...about };
  }
  const { code, signalled, stopped, stoppedBy } = marker;
  return {
    exit: { code, signal: signalled ? signalName(code - 128) : null },
    outOfMemory: memoryKills > 0 && code !== 0,
    lost: null,
    ranMilliseconds: elapsedMilliseconds,
    stopped: stopped && stopOf(stopped, program.timeout, cell.shape),
    stoppedBy,
    ...about,
  };
}

/** A program that finds the packages of its cell, and the programs that they bring. */
function findingPackages(program: Program, { environment }: CellShape): Program {
  if (environment === undefined) return program;
  const { ecosystem } = environment;
  const script = 'PATH=$1:$PATH; shift; exec "$@"';
  const command = ["sh", "-c", script, "kgents", programDirectories[ecosystem], ...program.command];
  return { ...program, command, env: withPackages(program.env, ecosystem) };
}

/**
 * Runs program `n` of a cell, or continues to follow it.
 *
 * @param jobUid uid of the cell's Job, if this process created it
 * @throws KgentsError if the code was certainly not started, or was handed over
 */
export async function runProgram(
  reach: Reach,
  cell: CellPlan,
  n: number,
  program: Program,
  context: ProgramContext,
  jobUid?: string,
): Promise<ProgramOutcome> {
  if (n > 1 && cell.shape.programs === "one") throw new KgentsError("internal", "this cell runs one program only");
  const { state: ready, pin } = await awaitRunning(reach, cell, context.stop, jobUid).catch((error) => {
    throw isHandedOver(context.stop) ? handedOver() : error;
  });
  if (pin === null) return outcomeOf(ready);
  if (ready.state === "ended") {
    if (ready.exitCode === noProcessLimitExit) {
      throw new KgentsError("cell-start", "the shell of the image cannot limit the number of processes", {
        remedy: "Use an image whose `sh` is dash, bash or busybox.",
      });
    }
    if (ready.exitCode === scriptExit.noCell) {
      throw new KgentsError("cell-start", `the cell's supervisor could not begin (exit code ${ready.exitCode})`);
    }
    return outcomeOfEnded(ready, n);
  }
  const run: CellRun = {
    reach,
    client: reach.client,
    cell,
    program: findingPackages(program, cell.shape),
    n,
    language: cell.shape.language,
    directory: programDirectory(cell.shape.programs, n),
    context,
    pod: ready.pod,
    pin,
    state: { received: { ...context.stored }, mayHaveStarted: false, startedAt: undefined },
  };
  const followed = await followToEnd(run);
  if (followed.end === "gone") {
    if (!run.state.mayHaveStarted && followed.state.state === "failed") {
      throw new KgentsError(followed.state.kind, followed.state.detail);
    }
    return outcomeOf(followed.state);
  }
  if (followed.end === "unreachable") return unreachable(run, followed.why);
  if (followed.end === "discarded") return lostOutcome(discardedReason);
  context.ended();
  const collected = await collectToEnd(run);
  if (collected.end === "gone") return outcomeOf(collected.state);
  if (collected.end === "unreachable") return unreachable(run, collected.why);
  if (collected.end === "discarded") return lostOutcome(discardedReason);
  // The code has ended, so it was started, even if the message that reports the start was lost.
  begin(run.state, context, "");
  return { ...outcomeFrom(collected.collected, run), read: { ...run.state.received } };
}

/** The outcome of code whose cell still exists but cannot be reached. */
function unreachable({ context, state }: CellRun, why: string): ProgramOutcome {
  const reason = context.stop.aborted ? context.stop.reason : undefined;
  // The run was stopped, and its clean-up deletes the cell: the exit status does not matter.
  if (reason === "cancelled" || reason === "output-limit") return lostOutcome(null);
  if (!state.mayHaveStarted) throw new KgentsError("cell-start", `the cell could not be reached: ${why}`);
  return lostOutcome(`the cell could not be reached any more: ${why}`);
}
