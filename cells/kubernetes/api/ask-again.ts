import type { PodWatch } from "./pod-watch.ts";

/** A watch that says nothing for so long may be dead. */
const quietMilliseconds = 5000;
/** So old may what the server itself said become while the watch speaks: the watch can lag behind. */
const longestMilliseconds = 30_000;

/**
 * Whether the server itself is to be asked about a cell that is waited for, beside the watch. A watch delivers what happens in its
 * order: one that speaks, of whatever cell, has missed nothing of this one.
 *
 * @param askedAt when the server was asked last, as `Date.now()`
 */
export function isToAsk({ quietFor }: Pick<PodWatch, "quietFor">, askedAt: number): boolean {
  const since = Date.now() - askedAt;
  return since >= longestMilliseconds || (since >= quietMilliseconds && quietFor() >= quietMilliseconds);
}
