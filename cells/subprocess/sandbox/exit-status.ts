import { constants } from "node:os";
import { signalName } from "../../signal-name.ts";
import { beginMark, endMark } from "./program-script.ts";

/** Shells print nothing for a program that these signals ended, because they usually come from the terminal. */
const silentSignals = new Set<number>([constants.signals.SIGINT, constants.signals.SIGPIPE, constants.signals.SIGTERM]);

/**
 * Determines how the program ended, from the shell's `$?` and its message. A shell returns 128 + n both for signal n
 * and for `exit 128 + n`; it prints "Killed" and the like only for the signal.
 */
export function exitStatus(status: number, diagnostics: string): { code: number; signal: string | null } {
  const begin = diagnostics.indexOf(beginMark);
  const end = diagnostics.indexOf(endMark, begin);
  const said = begin === -1 ? "" : diagnostics.slice(begin + beginMark.length, end === -1 ? undefined : end).trim();
  const number = status - 128;
  const bySignal = number > 0 && (said !== "" || silentSignals.has(number));
  return { code: status, signal: bySignal ? signalName(number) : null };
}
