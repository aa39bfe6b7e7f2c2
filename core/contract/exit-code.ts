/**
 * The exit codes of the command line: a public contract.
 *
 * @module
 */
import { type FailureKind, failureKinds } from "./failure.ts";
import type { ExecutionResult, RunStatus } from "./result.ts";

/** The exit code of a command that Ctrl-C ended: 128 + SIGINT. */
export const interruptedExitCode = 130;

/**
 * The code of a status that has one of its own, as others have it: 124 is timeout(1)'s, 137 what an OOM kill looks like to
 * a shell (128 + SIGKILL), 153 a file size limit (128 + SIGXFSZ), 130 Ctrl-C (128 + SIGINT), 125 what docker and timeout(1)
 * say of their own failures.
 */
const statusCodes: Readonly<Record<Exclude<RunStatus, "succeeded" | "failed">, number>> = {
  "timed-out": 124,
  "out-of-memory": 137,
  "output-limit": 153,
  cancelled: interruptedExitCode,
  lost: 125,
};

/** The exit code of the command line for a result: the code's own where it ended by itself, else its status's. */
export function exitCodeOf({ status, exitCode }: Pick<ExecutionResult, "status" | "exitCode">): number {
  if (status === "succeeded") return 0;
  if (status !== "failed") return statusCodes[status];
  // A failure never reads as success, even where its code is unknown or out of the range that a process can have.
  return exitCode !== null && exitCode >= 1 && exitCode <= 255 ? exitCode : 1;
}

/** The exit code of the command line for a run that could not be carried out: 2 for wrong usage, else 125. */
export const exitCodeOfFailure = (kind: FailureKind): number => failureKinds[kind].exitCode;
