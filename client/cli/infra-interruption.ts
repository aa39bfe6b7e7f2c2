import { interruptedExitCode } from "../../core/exit-code.ts";
import type { Voice } from "./voice.ts";

/** What Ctrl-C (or SIGTERM) does to an `infra` command: the first ends it in order, the second at once. */
export function watchSignals(voice: Voice): { readonly signal: AbortSignal; readonly over: () => void } {
  const controller = new AbortController();
  const onSignal = (): void => {
    if (controller.signal.aborted) process.exit(interruptedExitCode);
    voice.say("interrupted; cleaning up, and once more leaves at once");
    controller.abort();
  };
  process.on("SIGINT", onSignal);
  process.on("SIGTERM", onSignal);
  return {
    signal: controller.signal,
    over: () => {
      process.off("SIGINT", onSignal);
      process.off("SIGTERM", onSignal);
    },
  };
}
