import { exitCodeOf } from "../../files/cell-values.ts";

/** The supervisor's report of the program's end. */
export interface ExitLine {
  /** The shell's `$?`. */
  readonly status: number;
  /** How long the program ran, in milliseconds; null if the machine lacks the clock. */
  readonly ranMilliseconds: number | null;
  /** Whether the clock in the sandbox ended it. */
  readonly timedOut: boolean;
}

/**
 * Parses the line `exit STATUS BEGAN ENDED [timed-out]`; undefined if it is invalid. BEGAN and ENDED are seconds since
 * the machine booted. Pure.
 */
export function parseExitLine(line: string | undefined): ExitLine | undefined {
  const match = /^exit (\d+) (\d+\.\d+)? (\d+\.\d+)? (timed-out)?$/.exec(line ?? "");
  if (!match) return undefined;
  const [, word, began, ended, late] = match;
  const status = exitCodeOf(word);
  if (status === undefined) return undefined;
  const known = began !== undefined && ended !== undefined;
  return {
    status,
    ranMilliseconds: known ? Math.round((Number(ended) - Number(began)) * 1000) : null,
    timedOut: late !== undefined,
  };
}
