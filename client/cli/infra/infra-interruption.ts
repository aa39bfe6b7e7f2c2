import { interruptedExitCode } from "#core/contract/command-exit-code";
import { onEndingSignal } from "#platform/host/ending-signals";
import type { Reporter } from "../terminal/reporter.ts";

/**
 * Handles SIGINT (Ctrl-C), SIGTERM and SIGHUP for an `infra` command. The first signal ends it in order, the second at
 * once.
 *
 * @param words what is said at the first signal
 */
export function watchSignals(
  reporter: Reporter,
  words: string,
): { readonly signal: AbortSignal; readonly over: () => void } {
  const controller = new AbortController();
  const onSignal = (): void => {
    if (controller.signal.aborted) process.exit(interruptedExitCode);
    reporter.say(words);
    controller.abort();
  };
  const over = onEndingSignal(onSignal);
  return { signal: controller.signal, over };
}
