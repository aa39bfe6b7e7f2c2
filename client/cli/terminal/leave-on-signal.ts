import { interruptedExitCode } from "#core/contract/exit-code";
import { onEndingSignal } from "#platform/host/ending-signals";
import { complain } from "./print.ts";

/** Ctrl-C (or SIGTERM, or SIGHUP) ends a command that only watches; the run goes on. Returns how to end that. */
export function leaveOnSignal(words: string): () => void {
  const onSignal = (): void => {
    complain(words);
    process.exit(interruptedExitCode);
  };
  return onEndingSignal(onSignal);
}
