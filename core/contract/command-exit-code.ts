/**
 * The exit codes of the command line: a public contract.
 *
 * @module
 */
import { type FailureKind, failureKinds } from "./failure.ts";
import type { ExecutionResult } from "./result.ts";
import type { RunStatus } from "./run-status.ts";

/** The exit code of a command ended by Ctrl-C: 128 + SIGINT. */
export const interruptedExitCode = 130;

/**
 * Exit codes by status. They follow convention: 124 is timeout(1)'s for a timeout, 137 is an OOM kill (128 + SIGKILL),
 * 153 a file size limit (128 + SIGXFSZ), 130 Ctrl-C (128 + SIGINT), 125 a failure of docker or timeout(1) itself.
 */
const statusCodes: Readonly<Record<Exclude<RunStatus, "succeeded" | "failed">, number>> = {
  "timed-out": 124,
  "out-of-memory": 137,
  "output-limit": 153,
  cancelled: interruptedExitCode,
  lost: 125,
};

/**
 * The exit code of the command line for a result: the exit code of the code if it ended by itself, otherwise that of
 * the status.
 */
export function exitCodeOf({ status, exitCode }: Pick<ExecutionResult, "status" | "exitCode">): number {
  if (status === "succeeded") return 0;
  if (status !== "failed") return statusCodes[status];
  // A failure must never exit with 0, even if the exit code is unknown or outside of the range of a process.
  return exitCode !== null && exitCode >= 1 && exitCode <= 255 ? exitCode : 1;
}

/** The exit code of the command line for a run that could not be carried out: 2 for wrong usage, otherwise 125. */
export const exitCodeOfFailure = (kind: FailureKind): number => failureKinds[kind].exitCode;
