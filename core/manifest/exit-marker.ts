/**
 * The file `exit` of a program in a Kubernetes cell, in which the supervisor records how it ended.
 *
 * @module
 */

/** Why the supervisor ended the code. */
export type SupervisorStop = "timed-out" | "lifetime-over" | "disk-limit" | "output-limit";

const stops: readonly SupervisorStop[] = ["timed-out", "lifetime-over", "disk-limit", "output-limit"];

/** The content of the file `exit`. */
export interface ExitMarker {
  /** The code's exit code; 128 + n if signal n ended it. */
  readonly code: number;
  /** Whether a signal ended the code. The exit code alone is ambiguous: code can exit with a value above 128 itself. */
  readonly signalled: boolean;
  /** Why the supervisor ended the code; null if it did not. */
  readonly stopped: SupervisorStop | null;
  /** How the code was stopped, if it is that of a session and was. */
  readonly stoppedBy: "interrupt" | "kill" | undefined;
}

/** Parses the file `exit`. Undefined if it is malformed: the code can overwrite it. */
export function parseExitMarker(text: string): ExitMarker | undefined {
  const match = /^(\d{1,3}) (exit|signal) ([a-z-]*?)(?: (interrupt|kill))?\n?$/.exec(text);
  if (!match || Number(match[1]) > 255) return undefined;
  const stopped = stops.find((stop) => stop === match[3]) ?? null;
  if (stopped === null && match[3] !== "") return undefined;
  const stoppedBy = match[4] === "interrupt" || match[4] === "kill" ? match[4] : undefined;
  return { code: Number(match[1]), signalled: match[2] === "signal", stopped, stoppedBy };
}
