import type { PodWatch } from "./pod-watch.ts";

/** A watch that delivers nothing for this long may be dead. */
const quietMilliseconds = 5000;
/** The longest time between direct requests while the watch delivers events, because the watch can lag behind. */
const longestMilliseconds = 30_000;

/**
 * Whether to ask the server directly about a cell, in addition to the watch. A watch delivers events in order: if it
 * delivers events of any cell, it has missed none of this one.
 *
 * @param askedAt when the server was last asked, as `Date.now()`
 */
export function isToAsk({ quietFor }: Pick<PodWatch, "quietFor">, askedAt: number): boolean {
  const since = Date.now() - askedAt;
  return since >= longestMilliseconds || (since >= quietMilliseconds && quietFor() >= quietMilliseconds);
}
