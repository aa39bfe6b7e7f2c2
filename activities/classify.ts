import type { CellOutcome, StopReason } from "#cells/provider";
import { ranTooLong } from "#cells/ran-too-long";
import type { RunStatus } from "#core/contract/result";

/** What became of the code, and one sentence where the status needs one. */
export interface Classification {
  readonly status: RunStatus;
  readonly reason: string | null;
}

/** The cell's own clock ends the code a little after the worker's: longer than that it ran past its limit. In milliseconds. */
const clockTolerance = 2000;

/**
 * A pure function of what the backend saw, of why we stopped it, if we did, and of the time that the code had.
 *
 * @param timeout in milliseconds
 */
export function classify(
  outcome: Pick<CellOutcome, "exit" | "lost" | "outOfMemory" | "ranMilliseconds">,
  stopped: { readonly reason: StopReason; readonly detail: string } | null,
  timeout: number,
): Classification {
  if (outcome.lost !== null) return { status: "lost", reason: outcome.lost };
  // Code that ended by itself in the moment in which it was to be stopped has ended by itself; but output was cut off.
  const endedByItself = outcome.exit !== null && outcome.exit.signal !== "SIGKILL";
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
  // By the time that it took and not by who was there to see it: the worker's clock may have stood still.
  if ((outcome.ranMilliseconds ?? 0) > timeout + clockTolerance)
    return { status: "timed-out", reason: ranTooLong(timeout) };
  if (outcome.exit === null) return { status: "lost", reason: "nobody saw how the code ended" };
  // A child may be killed for memory and the program may cope: only an ending that is no success counts.
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
