/** What asks a process to end: Ctrl-C, `kill`, and a terminal or connection that goes away. */
const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/**
 * Calls a function on each signal that asks this process to end. nohup(1) does not keep SIGHUP away: Node sets every ignored signal
 * back to its default before our code begins, so that nobody can tell that it was ignored.
 *
 * @returns how to end that
 */
export function onEndingSignal(action: (signal: NodeJS.Signals) => void): () => void {
  for (const signal of signals) process.on(signal, action);
  return () => {
    for (const signal of signals) process.off(signal, action);
  };
}
