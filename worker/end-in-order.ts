/**
 * How the process of a worker ends: by a signal, or because of a defect.
 *
 * @module
 */

import { exitCodeOfFailure } from "#core/contract/exit-code";
import { onEndingSignal } from "#platform/host/ending-signals";
import type { Logger } from "./logging.ts";
import type { RunningWorker } from "./run-worker.ts";

/** Ends a worker's process. */
export interface ProcessEnd {
  /** From now on, what ends the process ends this worker first. */
  readonly guard: (worker: RunningWorker, drainMilliseconds: number) => void;
  /** The exit code of a defect; undefined where there was none. */
  readonly defect: () => number | undefined;
  /** The process ends as Node.js ends it again. */
  readonly release: () => void;
}

/** What follows a drain: ending and collecting what still runs, and closing connections. As docs/fleet.md counts it. */
const afterDrainMilliseconds = 45_000;

/** A defect that repeats itself must not fill the log. */
const mostLines = 20;

/**
 * Takes over signals, rejections that nobody handles and exceptions that nobody catches. On the first of them the worker drains; a
 * second signal ends the process at once, and so does a drain that takes longer than it may.
 */
export function takeOverEnd(log: Logger): ProcessEnd {
  const defectCode = exitCodeOfFailure("internal");
  let guarded: { readonly worker: RunningWorker; readonly drainMilliseconds: number } | undefined;
  let stopListening: (() => void) | undefined;
  let ending = false;
  let defects = 0;

  const end = (exitCode: number): void => {
    if (ending) return;
    ending = true;
    if (!guarded) process.exit(exitCode);
    const { worker, drainMilliseconds } = guarded;
    const longest = drainMilliseconds + afterDrainMilliseconds;
    const late = setTimeout(() => {
      log.fatal({ milliseconds: longest }, "the worker did not end in time; running code ends with this process");
      process.exit(exitCode === 0 ? 1 : exitCode);
    }, longest);
    late.unref();
    worker.stop().catch((error) => log.error({ error: String(error) }, "the worker did not stop in order"));
  };
  const onSignal = (signal: NodeJS.Signals): void => {
    if (ending) {
      log.warn({ signal }, "leaving at once; running code ends with this process");
      process.exit(1);
    }
    log.info({ signal }, "draining: running code may end, nothing new is taken");
    end(0);
  };
  const onDefect = (what: string) => (cause: unknown) => {
    defects += 1;
    if (defects <= mostLines) {
      const about = { error: String(cause), stack: cause instanceof Error ? cause.stack : undefined };
      log.fatal(about, `${what}: a defect in kgents or in a library. The worker drains and ends; please report this`);
    }
    end(defectCode);
  };
  const onRejection = onDefect("a rejection that nobody handles");
  const onException = onDefect("an exception that nobody catches");
  process.on("unhandledRejection", onRejection);
  process.on("uncaughtException", onException);

  return {
    guard: (worker, drainMilliseconds) => {
      guarded = { worker, drainMilliseconds };
      stopListening ??= onEndingSignal(onSignal);
    },
    defect: () => (defects > 0 ? defectCode : undefined),
    release: () => {
      process.off("unhandledRejection", onRejection);
      process.off("uncaughtException", onException);
      stopListening?.();
    },
  };
}
