/**
 * When the operator puts drift back, and when it waits: another controller that sets the same field would otherwise be
 * answered at full speed.
 *
 * @module
 */

/** How often an object was put back. Times are as `Date.now()`. */
export interface Reverts {
  /** When, in the last minute. */
  readonly at: readonly number[];
  /** How often in a row the limit was reached. */
  readonly fights: number;
  /** Nothing is put back before this time. */
  readonly heldUntil: number;
}

export const noReverts: Reverts = { at: [], fights: 0, heldUntil: 0 };

const windowMilliseconds = 60_000;
/** So many in the window are a fight. */
const limit = 5;
const firstHold = 10_000;
const longestHold = 300_000;
/** After this long without a revert, the next fight is a first one. */
const calmMilliseconds = 900_000;

/** The reverts with one more, now. `fight` says that the limit is reached with it. */
export function withRevert(
  { at, fights }: Reverts,
  now: number,
): { readonly reverts: Reverts; readonly fight: boolean } {
  const calm = now - (at.at(-1) ?? now) > calmMilliseconds;
  const before = calm ? 0 : fights;
  // The reverts before a hold have counted already; the first one after it shows that the fight goes on.
  const recent = [...at.filter((time) => now - time < windowMilliseconds), now];
  const fight = recent.length >= limit || (before > 0 && !calm);
  if (!fight) return { reverts: { at: recent, fights: before, heldUntil: 0 }, fight };
  const hold = Math.min(firstHold * 2 ** before, longestHold);
  return { reverts: { at: [now], fights: before + 1, heldUntil: now + hold }, fight };
}
