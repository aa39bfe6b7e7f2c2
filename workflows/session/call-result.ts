import { ApplicationFailure } from "@temporalio/workflow";
import type { SessionProgramOutput } from "#activities/session-contract";
import type { CallEntry, CallResult, CallStatus } from "#core/contract/session/result";
import { titleOf } from "#core/text/code-excerpt";
import { parseDuration } from "#core/text/duration";
import type { Ran } from "./wanted.ts";

/** The usual and the longest time limit of a call, in milliseconds. */
const timeouts = { usual: 30_000, longest: 86_400_000 } as const;

/** The time limit that a raw call names. The activity checks it. */
export function millisecondsOf(call: unknown): number {
  const { timeout }: { timeout?: unknown } = typeof call === "object" && call !== null ? call : {};
  if (typeof timeout !== "string" && typeof timeout !== "number") return timeouts.usual;
  return Math.min(parseDuration(timeout) ?? timeouts.longest, timeouts.longest);
}

/** How a call ended, with what the kernel says of it. */
function statusOf({ output, kernel }: SessionProgramOutput, wasInterrupted: boolean): CallStatus {
  if (output.status !== "failed") return output.status;
  // A kernel that was interrupted before it began the call says nothing of it.
  const saysSo = kernel?.status ? kernel.status === "interrupted" : wasInterrupted && output.exitCode === 130;
  return saysSo ? "interrupted" : "failed";
}

function kernelOf({ kernel }: SessionProgramOutput): CallResult["kernel"] {
  if (!kernel || kernel.call === null) return null;
  return kernel.call === 1 ? "new" : "same";
}

/** What went wrong beside the code. */
function noticesOf({ output, kernel, checkpointFailure }: SessionProgramOutput): string[] {
  const checkpoint = checkpointFailure === undefined ? [] : [`no checkpoint was made: ${checkpointFailure}`];
  return [...(output.notices ?? []), ...(kernel?.notice === undefined ? [] : [kernel.notice]), ...checkpoint];
}

/** Composes the result of a call. */
export function callResultOf(
  { call, language }: Pick<CallResult, "call" | "language">,
  { answer, restored }: Ran,
  wasInterrupted: boolean,
): CallResult {
  const { output, kernel } = answer;
  const status = statusOf(answer, wasInterrupted);
  const notices = noticesOf(answer);
  return {
    call,
    status,
    exitCode: output.exitCode,
    signal: output.signal,
    reason: status === "interrupted" ? "the call was interrupted" : output.reason,
    error: kernel?.error ?? null,
    stdout: output.stdout,
    stderr: output.stderr,
    displays: [...(kernel?.displays ?? [])],
    displaysOmitted: kernel?.displaysOmitted ?? 0,
    kernel: kernelOf(answer),
    restored,
    files: output.files,
    filesOmitted: output.filesOmitted,
    ...(notices.length > 0 ? { notices } : {}),
    timings: { started: output.startedAt, finished: output.finishedAt },
    language,
    usage: output.usage,
  };
}

/** The entry of a call in the list of calls. */
export const entryOf = (argument: unknown, began: number, result: CallResult): CallEntry => ({
  call: result.call,
  title: titleOf(argument),
  status: result.status,
  exitCode: result.exitCode,
  kernel: result.kernel,
  started: result.timings.started,
  finished: result.timings.finished,
  milliseconds: Math.max(0, Date.now() - began),
});

/** The entry of a call that was not carried out. */
export const failedEntryOf = (argument: unknown, began: number, call: number): CallEntry => ({
  call,
  title: titleOf(argument),
  status: "error",
  exitCode: null,
  kernel: null,
  started: null,
  finished: new Date().toISOString(),
  milliseconds: Math.max(0, Date.now() - began),
});

/** The typed failure of a file operation whose script failed. */
export function fileFailure({ output }: SessionProgramOutput, what: string): ApplicationFailure | undefined {
  if (output.status === "succeeded") return undefined;
  // What is not UTF-8 is no words.
  const words = output.stderr.encoding === "utf-8" ? output.stderr.text : "";
  const said = words.trim().split("\n").at(-1)?.slice(0, 300);
  const message = `${what}: ${[output.status, said || output.reason].filter(Boolean).join(": ")}`;
  const type = output.status === "lost" ? "worker-lost" : "system-error";
  return ApplicationFailure.create({ type, message, nonRetryable: true });
}
