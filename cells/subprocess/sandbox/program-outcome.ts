/**
 * Decides a program's outcome from everything that is known when it is over.
 *
 * @module
 */
import { constants } from "node:os";
import { KgentsError } from "#core/contract/error";
import type { OmittedFile } from "../../files/omissions.ts";
import type { ProgramOutcome } from "../../provider.ts";
import { ranTooLong } from "../../ran-too-long.ts";
import type { GroupUsage } from "../cgroups/control-group.ts";
import type { OutputCopy } from "./copy-output.ts";
import type { ExitLine } from "./exit-line.ts";
import { exitStatus } from "./exit-status.ts";
import { sandboxFailure } from "./sandbox-failure.ts";

/** What a shell reports of a program that SIGKILL ended. */
const killedStatus = 128 + constants.signals.SIGKILL;

/** The first error on the worker's side; it ends the program. */
export interface Trouble {
  readonly what: string;
  readonly error: unknown;
}

/** How a program ended, with everything that decides about its outcome. */
export interface ProgramEnd {
  readonly started: boolean;
  readonly end: ExitLine | undefined;
  readonly wasKilled: boolean;
  /** The diagnostics. */
  readonly said: string;
  readonly trouble: Trouble | undefined;
  readonly usage: GroupUsage | undefined;
  /** Processes that the worker killed for memory. */
  readonly memoryKills: number;
  readonly filesOmitted: readonly OmittedFile[];
  readonly streams: readonly [stdout: OutputCopy, stderr: OutputCopy];
  /** The time limit, in milliseconds. */
  readonly timeout: number;
  /** Whether the worker has stopped it. */
  readonly isStopped: boolean;
  /** How it ended then, if it is one of a session. */
  readonly stoppedBy: ProgramOutcome["stoppedBy"];
  readonly kernelResult: ProgramOutcome["kernelResult"];
}

/**
 * The outcome of a program.
 *
 * @throws KgentsError if the program was certainly not started
 */
export function outcomeOf(ended: ProgramEnd): ProgramOutcome {
  const { started, end, said, trouble, usage, filesOmitted, wasKilled, timeout, isStopped, stoppedBy, kernelResult } =
    ended;
  const [stdout, stderr] = ended.streams;
  const killedForMemory = (usage?.memoryKills ?? 0) + ended.memoryKills > 0;
  const outcome = {
    exit: end === undefined || (wasKilled && end.status === killedStatus) ? null : exitStatus(end.status, said),
    outOfMemory: killedForMemory && end?.status !== 0,
    stopped: end?.timedOut ? ({ reason: "timed-out", detail: ranTooLong(timeout) } as const) : null,
    lost: null,
    usage: { peakMemoryBytes: usage?.peakMemoryBytes ?? null, cpuSeconds: usage?.cpuSeconds ?? null },
    read: { stdout: stdout.bytes(), stderr: stderr.bytes() },
    ranMilliseconds: end?.ranMilliseconds ?? null,
    filesOmitted,
    ...(stoppedBy === undefined ? {} : { stoppedBy }),
    ...(kernelResult === undefined ? {} : { kernelResult }),
  };
  if (end !== undefined) return trouble === undefined ? outcome : { ...outcome, exit: null, lost: trouble.what };
  if (isStopped) return outcome;
  if (!started)
    throw trouble?.error instanceof KgentsError ? trouble.error : sandboxFailure(said || trouble?.what || "");
  if (killedForMemory) return { ...outcome, exit: { code: 137, signal: "SIGKILL" } };
  return { ...outcome, lost: trouble?.what ?? "the sandbox was killed from outside while the code ran" };
}
