/**
 * One round of expiry scans the whole store, which in a bucket takes a request for each 1000 objects. Of all workers
 * that share a store, one does it. Rounds are numbered, and the worker that creates the entry of the next number has
 * claimed it.
 *
 * @module
 */

/** The claimed rounds, stored as entries in `expiry` of the store. */
export interface ClaimedRounds {
  /** The entries, each with its creation time by the store's clock, in milliseconds since 1970. */
  readonly list: () => Promise<readonly { readonly name: string; readonly claimed: number }[]>;
  /** Creates an entry unless it exists. Returns whether this caller created it. */
  readonly make: (name: string) => Promise<boolean>;
  readonly remove: (names: readonly string[]) => Promise<void>;
}

/**
 * Claims the next round of expiry unless one was claimed recently.
 *
 * @param milliseconds how long a claim counts as recent
 * @returns whether the caller has claimed the round
 */
export async function claimRound(rounds: ClaimedRounds, milliseconds: number): Promise<boolean> {
  const entries = (await rounds.list()).filter(({ name }) => /^\d{1,15}$/.test(name));
  const numbers = entries.map(({ name }) => Number(name));
  const newest = Math.max(0, ...numbers);
  const claimed = entries.find(({ name }) => Number(name) === newest)?.claimed ?? Number.NEGATIVE_INFINITY;
  // An entry far in the future comes from a wrong clock and must not block expiry until then.
  if (Math.abs(Date.now() - claimed) < milliseconds) return false;
  if (!(await rounds.make(String(newest + 1)))) return false;
  await rounds.remove(entries.map(({ name }) => name));
  return true;
}
