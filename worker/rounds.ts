/** Work that is repeated at intervals. */
export interface Rounds {
  /** Starts no further round, and waits for the current one. */
  readonly stop: () => Promise<void>;
}

/**
 * Repeats work at intervals. Skips a round while the previous one runs.
 *
 * @param round must not reject
 * @param options.atOnce whether the first round begins at once. @default after the first interval
 */
export function startRounds(
  round: () => Promise<unknown>,
  milliseconds: number,
  { atOnce = false }: { readonly atOnce?: boolean } = {},
): Rounds {
  let current: Promise<unknown> | undefined;
  const next = (): void => {
    current ??= round().finally(() => {
      current = undefined;
    });
  };
  if (atOnce) next();
  const timer = setInterval(next, milliseconds);
  return {
    stop: async () => {
      clearInterval(timer);
      await current;
    },
  };
}
