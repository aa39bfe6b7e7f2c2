import { interruptedExitCode } from "#core/contract/command-exit-code";
import { onEndingSignal } from "#platform/host/ending-signals";
import { complain } from "./print.ts";

/**
 * Ends a command that only watches on Ctrl-C (or SIGTERM, or SIGHUP); the run continues. Returns a function that
 * removes the handlers.
 */
export function leaveOnSignal(words: string): () => void {
  const onSignal = (): void => {
    complain(words);
    process.exit(interruptedExitCode);
  };
  return onEndingSignal(onSignal);
}
