/** Signals that ask a process to end: Ctrl-C, `kill`, and the loss of a terminal or connection. */
const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/**
 * Calls a function on each signal that asks this process to end. nohup(1) has no effect on SIGHUP: Node resets ignored
 * signals to their default before user code runs, so that they cannot be detected.
 *
 * @returns a function that removes the listeners
 */
export function onEndingSignal(action: (signal: NodeJS.Signals) => void): () => void {
  for (const signal of signals) process.on(signal, action);
  return () => {
    for (const signal of signals) process.off(signal, action);
  };
}
