import { interruptedExitCode } from "#core/contract/command-exit-code";
import { onEndingSignal } from "#platform/host/ending-signals";
import { complain } from "./print.ts";
import type { Reporter } from "./reporter.ts";

/** What can be cancelled. */
interface Cancellable {
  readonly id: string;
  readonly cancel: () => Promise<void>;
}

/** What Ctrl-C (or SIGTERM, or SIGHUP) does in each phase of a run. */
export interface Interruption {
  /** The run is about to be started. It may exist from now on, so a signal must cancel it. */
  readonly starting: () => void;
  /** The run has started. */
  readonly started: (handle: Cancellable) => void;
  /** The run is over. */
  readonly over: () => void;
}

/**
 * Before a run exists, a signal ends the command. While it exists, the first signal cancels it and waits for its
 * cleanup; the second exits at once.
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
      reporter.say(`stopped before the ${what} was started`);
      process.exit(interruptedExitCode);
    }
    if (asked) {
      const run = handle ? `the cancellation of ${what} ${handle.id} continues` : `the ${what} may have been started`;
      complain(`stopped at once; ${run}`);
      process.exit(interruptedExitCode);
    }
    asked = true;
    reporter.say("cancelling; a second time exits at once");
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
