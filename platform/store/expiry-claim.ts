/**
 * One round of expiry looks at all that a store has, which in a bucket is a request for each 1000 objects: of all workers that
 * share a store, one does it. Rounds are numbered. Whoever makes the entry of the next number first has claimed it.
 *
 * @module
 */

/** The rounds that were claimed, by their entries in `expiry` of the store. */
export interface ClaimedRounds {
  /** The entries, each with the time of its making by the store's clock, in milliseconds since 1970. */
  readonly list: () => Promise<readonly { readonly name: string; readonly claimed: number }[]>;
  /** Makes an entry unless there is one of that name. Returns whether it is the caller's. */
  readonly make: (name: string) => Promise<boolean>;
  readonly remove: (names: readonly string[]) => Promise<void>;
}

/**
 * Claims the next round where nobody has within a time.
 *
 * @param milliseconds that time
 * @returns whether the round is the caller's
 */
export async function claimRound(rounds: ClaimedRounds, milliseconds: number): Promise<boolean> {
  const entries = (await rounds.list()).filter(({ name }) => /^\d{1,15}$/.test(name));
  const numbers = entries.map(({ name }) => Number(name));
  const newest = Math.max(0, ...numbers);
  const claimed = entries.find(({ name }) => Number(name) === newest)?.claimed ?? Number.NEGATIVE_INFINITY;
  // One that lies further ahead was made when a clock was wrong: it must not hold everybody up until then.
  if (Math.abs(Date.now() - claimed) < milliseconds) return false;
  if (!(await rounds.make(String(newest + 1)))) return false;
  await rounds.remove(entries.map(({ name }) => name));
  return true;
}
