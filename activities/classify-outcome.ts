import type { ProgramOutcome, StopReason } from "#cells/provider";
import { ranTooLong } from "#cells/ran-too-long";
import type { RunStatus } from "#core/contract/run-status";

/** The status of the code, and one sentence if the status needs a reason. */
export interface Classification {
  readonly status: RunStatus;
  readonly reason: string | null;
}

/**
 * The cell's timer may end the code later than the worker's. Code that ran longer than this past its limit timed out.
 * In milliseconds.
 */
const clockTolerance = 2000;

/**
 * Classifies the outcome of a cell. A pure function.
 *
 * @param stopped why the worker stopped the code; null if it did not
 * @param timeout the time limit of the code, in milliseconds
 */
export function classify(
  outcome: Pick<ProgramOutcome, "exit" | "lost" | "outOfMemory" | "ranMilliseconds" | "stoppedBy">,
  stopped: { readonly reason: StopReason; readonly detail: string } | null,
  timeout: number,
): Classification {
  if (outcome.lost !== null) return { status: "lost", reason: outcome.lost };
  // Code that ended by itself just before it was stopped keeps its own exit. Not at the output limit, because its
  // output was truncated. A call of a session may have been interrupted instead of killed.
  const endedByItself = outcome.stoppedBy === undefined && outcome.exit !== null && outcome.exit.signal !== "SIGKILL";
  if (stopped?.reason === "output-limit") return { status: "output-limit", reason: stopped.detail };
  if (stopped && !endedByItself) {
    switch (stopped.reason) {
      case "cancelled":
        return { status: "cancelled", reason: stopped.detail };
      case "timed-out":
        return { status: "timed-out", reason: stopped.detail };
      case "disk-limit":
        return { status: "failed", reason: stopped.detail };
      default:
        return { status: "lost", reason: stopped.detail };
    }
  }
  // Use the measured run time: the worker may have been suspended, so that its own timer did not fire.
  if ((outcome.ranMilliseconds ?? 0) > timeout + clockTolerance)
    return { status: "timed-out", reason: ranTooLong(timeout) };
  if (outcome.exit === null) return { status: "lost", reason: "it is unknown how the code ended" };
  // The kernel may OOM-kill a child process while the program still succeeds.
  if (outcome.outOfMemory && outcome.exit.code !== 0) {
    return { status: "out-of-memory", reason: "the kernel killed a process of the cell at its memory limit" };
  }
  if (outcome.exit.code === 0) return { status: "succeeded", reason: null };
  return {
    status: "failed",
    reason: outcome.exit.signal
      ? `the code was ended by ${outcome.exit.signal}`
      : `the code exited with ${outcome.exit.code}`,
  };
}
