/**
 * Runs the code of a cell whose Job exists: waits for the supervisor, delivers, follows and collects. Handles lost
 * connections, an unavailable API server, and changes to the pod from outside.
 *
 * @module
 */
import type { Program } from "#core/contract/cell-shape";
import { KgentsError } from "#core/contract/error";
import { maximumStreamBytes } from "#core/contract/result";
import { noProcessLimitExit, type SupervisorStop } from "#core/manifest/supervisor";
import { formatBytes } from "#core/text/quantity";
import type { CellPlan } from "../../cell-plan.ts";
import { lostOutcome, type ProgramContext, type ProgramOutcome } from "../../provider.ts";
import { ranTooLong } from "../../ran-too-long.ts";
import { signalName } from "../../signal-name.ts";
import { awaitRunning } from "../cell/await-running.ts";
import type { CellState } from "../cell/classify-cell.ts";
import { scriptExit } from "./cell-scripts.ts";
import type { Collected } from "./collect.ts";
import { begin } from "./follow.ts";
import { type CellRun, collectToEnd, followToEnd, type Reach } from "./follow-cell.ts";
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

const describeStop = (reason: SupervisorStop, timeout: number, disk: number): string =>
  ({
    "timed-out": ranTooLong(timeout),
    "disk-limit": `the code wrote more than ${formatBytes(disk)} of files, its disk limit, and was ended`,
    "output-limit": `the code wrote more than ${formatBytes(maximumStreamBytes)} to a stream`,
  })[reason];

function outcomeFrom(collected: Collected, { cell, program }: CellRun): ProgramOutcome {
  const { marker, memoryKills, peakMemoryBytes, cpuSeconds, elapsedMilliseconds, filesOmitted } = collected;
  const about = { usage: { peakMemoryBytes, cpuSeconds }, filesOmitted };
  if (marker === undefined) {
    return { exit: null, outOfMemory: false, lost: "the code has overwritten what its cell says of its end", ...about };
  }
  const { code, signalled, stopped } = marker;
  return {
    exit: { code, signal: signalled ? signalName(code - 128) : null },
    outOfMemory: memoryKills > 0 && code !== 0,
    lost: null,
    ranMilliseconds: elapsedMilliseconds,
    stopped: stopped && { reason: stopped, detail: describeStop(stopped, program.timeout, cell.shape.disk) },
    ...about,
  };
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
    return outcomeOf(ready);
  }
  const run: CellRun = {
    reach,
    cell,
    n,
    program,
    context,
    pod: ready.pod,
    pin,
    progress: { received: { ...context.stored }, mayHaveStarted: false, startedAt: undefined },
  };
  const followed = await followToEnd(run);
  if (followed.end === "gone") {
    if (!run.progress.mayHaveStarted && followed.state.state === "failed") {
      throw new KgentsError(followed.state.kind, followed.state.detail);
    }
    return outcomeOf(followed.state);
  }
  if (followed.end === "unreachable") return unreachable(run, followed.why);
  context.ended();
  const collected = await collectToEnd(run);
  if (collected.end === "gone") return outcomeOf(collected.state);
  if (collected.end === "unreachable") return unreachable(run, collected.why);
  // The code has ended, so it was started, even if the message that reports the start was lost.
  begin(run.progress, context, "");
  return { ...outcomeFrom(collected.collected, run), read: { ...run.progress.received } };
}

/** The outcome of code whose cell still exists but cannot be reached. */
function unreachable({ context, progress }: CellRun, why: string): ProgramOutcome {
  const reason = context.stop.aborted ? context.stop.reason : undefined;
  // The run was stopped, and its clean-up deletes the cell: the exit status does not matter.
  if (reason === "cancelled" || reason === "output-limit") return lostOutcome(null);
  if (!progress.mayHaveStarted) throw new KgentsError("cell-start", `the cell could not be reached: ${why}`);
  return lostOutcome(`the cell could not be reached any more: ${why}`);
}
