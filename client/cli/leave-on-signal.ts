import { interruptedExitCode } from "../../core/exit-code.ts";

/** Ctrl-C (or SIGTERM) ends a command that only watches; the run goes on. Returns how to end that. */
export function leaveOnSignal(words: string): () => void {
  const onSignal = (): void => {
    process.stderr.write(`kgents: ${words}\n`);
    process.exit(interruptedExitCode);
  };
  process.on("SIGINT", onSignal);
  process.on("SIGTERM", onSignal);
  return () => {
    process.off("SIGINT", onSignal);
    process.off("SIGTERM", onSignal);
  };
}
