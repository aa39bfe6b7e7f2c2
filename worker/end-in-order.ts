/**
 * How the process of a worker ends: by a signal or by a defect.
 *
 * @module
 */

import { exitCodeOfFailure } from "#core/contract/command-exit-code";
import { onEndingSignal } from "#platform/host/ending-signals";
import type { Logger } from "#platform/host/logger";
import type { RunningWorker } from "./run-worker.ts";

/** Handles the end of a worker's process. */
export interface ProcessEnd {
  /** From then on, the end of the process first stops this worker. */
  readonly guard: (worker: RunningWorker, drainMilliseconds: number) => void;
  /** The exit code of a defect; undefined if there was none. */
  readonly defect: () => number | undefined;
  /** Restores Node.js's own handling. */
  readonly release: () => void;
}

/**
 * Time after a drain to stop and collect what still runs and to close connections, in milliseconds. Documented in
 * docs/fleet.md.
 */
const afterDrainMilliseconds = 45_000;

/** Limits the log lines of a repeated defect. */
const mostLines = 20;

/**
 * Handles signals, unhandled rejections and uncaught exceptions. The first of them drains the worker. A second signal
 * exits the process at once, and so does a drain that exceeds its time.
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
      log.fatal({ milliseconds: longest }, "the worker did not stop in time; running code is killed with this process");
      process.exit(exitCode === 0 ? 1 : exitCode);
    }, longest);
    late.unref();
    worker.stop().catch((error) => log.error({ error: String(error) }, "the worker could not be stopped cleanly"));
  };
  const onSignal = (signal: NodeJS.Signals): void => {
    if (ending) {
      log.warn({ signal }, "exiting at once; running code is killed with this process");
      process.exit(1);
    }
    log.info({ signal }, "draining: running code may end, no new runs are accepted");
    end(0);
  };
  const onDefect = (what: string) => (cause: unknown) => {
    defects += 1;
    if (defects <= mostLines) {
      const about = { error: String(cause), stack: cause instanceof Error ? cause.stack : undefined };
      log.fatal(about, `${what}: a bug in kgents or in a library. The worker drains and exits; please report this`);
    }
    end(defectCode);
  };
  const onRejection = onDefect("unhandled rejection");
  const onException = onDefect("uncaught exception");
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
