/** Lets the programs of a cell run one at a time, in the order in which they came. */
export interface Turns {
  /**
   * Waits for the programs that came before.
   *
   * @returns a function that ends the turn
   * @throws the reason of a signal that aborts while it waits; the turn is then over
   */
  readonly take: (signals: readonly AbortSignal[]) => Promise<() => void>;
}

export function createTurns(): Turns {
  let last: Promise<void> = Promise.resolve();
  return {
    take: async (signals) => {
      const before = last;
      const { promise, resolve } = Promise.withResolvers<void>();
      // One that gives up must not let the next one pass those before.
      last = before.then(() => promise);
      const { promise: aborted, reject } = Promise.withResolvers<never>();
      const either = AbortSignal.any([...signals]);
      const abort = (): void => reject(either.reason);
      either.addEventListener("abort", abort, { once: true });
      try {
        either.throwIfAborted();
        await Promise.race([before, aborted]);
        return resolve;
      } catch (error) {
        resolve();
        throw error;
      } finally {
        either.removeEventListener("abort", abort);
      }
    },
  };
}
