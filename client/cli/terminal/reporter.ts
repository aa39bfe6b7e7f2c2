/**
 * The messages of the command line, all on stderr: what happened, why, and what to do.
 *
 * @module
 */
import { exitCodeOfFailure } from "#core/contract/command-exit-code";
import { toKgentsError } from "../../sdk/failure.ts";
import { complain, printJson } from "./print.ts";
import { plain } from "./terminal-text.ts";

/** Writes messages for the person at the terminal. */
export interface Reporter {
  /** Shows that something takes time: a spinner on a terminal, a line elsewhere. */
  readonly progress: (line: string) => void;
  /** Removes the spinner. */
  readonly settled: () => void;
  /** Writes a line. */
  readonly say: (line: string) => void;
}

interface Spinner {
  text: string;
  start: () => Spinner;
  stop: () => Spinner;
}

/** Creates a reporter for a command. A quiet one writes nothing. */
export async function createReporter(quiet: boolean): Promise<Reporter> {
  if (quiet) return { progress: () => {}, settled: () => {}, say: () => {} };
  if (!process.stderr.isTTY) return { progress: complain, settled: () => {}, say: complain };
  const { default: yoctoSpinner } = await import("yocto-spinner");
  let spinner: Spinner | undefined;
  const settled = (): void => {
    spinner?.stop();
    spinner = undefined;
  };
  return {
    progress: (text) => {
      spinner ??= yoctoSpinner({ stream: process.stderr }).start();
      spinner.text = plain(text);
    },
    settled,
    say: (text) => {
      settled();
      complain(text);
    },
  };
}

/** Reports an error and returns the exit code: with `--json` also as JSON on stdout. */
export async function reportError(
  error: unknown,
  options: { json: boolean; id?: string | undefined },
): Promise<number> {
  const known = toKgentsError(error, options.id ?? "");
  const { code: kind, message, field = null, remedy } = known;
  complain(`${message}\n${remedy}`);
  if (kind === "internal" && process.env.KGENTS_DEBUG) complain(String(known.stack));
  if (options.json) await printJson({ id: options.id ?? null, error: { kind, message, field, remedy } });
  return exitCodeOfFailure(kind);
}
