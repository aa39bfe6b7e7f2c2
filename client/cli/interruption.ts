import { interruptedExitCode } from "../../core/exit-code.ts";
import type { ExecutionHandle } from "../execution-handle.ts";
import type { Voice } from "./voice.ts";

/** What Ctrl-C (or SIGTERM) means in each part of a run. */
export interface Interruption {
  /** The run is about to be started: from now on it may exist, and leaving must not leave it behind. */
  readonly starting: () => void;
  /** The run is there. */
  readonly started: (handle: ExecutionHandle) => void;
  /** The run is over. */
  readonly over: () => void;
}

/**
 * Before there is a run, a signal just ends the command. While there is one, the first signal cancels it and lets it clean
 * up; the second leaves at once.
 */
export function watchForInterruption(voice: Voice): Interruption {
  let asked = false;
  let isStarting = false;
  let handle: ExecutionHandle | undefined;
  const cancel = (run: ExecutionHandle): void => {
    run.cancel().catch((error) => voice.say(`the run ${run.id} could not be cancelled: ${error.message}`));
  };
  const onSignal = (): void => {
    if (!isStarting) {
      voice.say("left before the run was started");
      process.exit(interruptedExitCode);
    }
    if (asked) {
      const run = handle ? `the cancellation of run ${handle.id} goes on without us` : "the run may have been started";
      process.stderr.write(`kgents: left at once; ${run}\n`);
      process.exit(interruptedExitCode);
    }
    asked = true;
    voice.say("cancelling; once more leaves at once");
    if (handle) cancel(handle);
  };
  process.on("SIGINT", onSignal);
  process.on("SIGTERM", onSignal);
  return {
    starting: () => {
      isStarting = true;
    },
    started: (run) => {
      handle = run;
      if (asked) cancel(run);
    },
    over: () => {
      process.off("SIGINT", onSignal);
      process.off("SIGTERM", onSignal);
    },
  };
}
