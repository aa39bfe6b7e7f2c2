import { interruptedExitCode } from "#core/contract/exit-code";
import { onEndingSignal } from "#platform/host/ending-signals";
import { complain } from "./print.ts";
import type { Reporter } from "./reporter.ts";

/** What can be cancelled. */
interface Cancellable {
  readonly id: string;
  readonly cancel: () => Promise<void>;
}

/** What Ctrl-C (or SIGTERM, or SIGHUP) means in each part of a run. */
export interface Interruption {
  /** The run is about to be started: from now on it may exist, and leaving must not leave it behind. */
  readonly starting: () => void;
  /** The run is there. */
  readonly started: (handle: Cancellable) => void;
  /** The run is over. */
  readonly over: () => void;
}

/**
 * Before there is a run, a signal just ends the command. While there is one, the first signal cancels it and lets it clean
 * up; the second leaves at once.
 */
export function watchForInterruption(reporter: Reporter, what: "run" | "batch" = "run"): Interruption {
  let asked = false;
  let isStarting = false;
  let handle: Cancellable | undefined;
  const cancel = (run: Cancellable): void => {
    run.cancel().catch((error) => reporter.say(`the ${what} ${run.id} could not be cancelled: ${error.message}`));
  };
  const onSignal = (): void => {
    if (!isStarting) {
      reporter.say(`left before the ${what} was started`);
      process.exit(interruptedExitCode);
    }
    if (asked) {
      const run = handle
        ? `the cancellation of ${what} ${handle.id} goes on without us`
        : `the ${what} may have been started`;
      complain(`left at once; ${run}`);
      process.exit(interruptedExitCode);
    }
    asked = true;
    reporter.say("cancelling; once more leaves at once");
    if (handle) cancel(handle);
  };
  const stopListening = onEndingSignal(onSignal);
  return {
    starting: () => {
      isStarting = true;
    },
    started: (run) => {
      handle = run;
      if (asked) cancel(run);
    },
    over: stopListening,
  };
}
