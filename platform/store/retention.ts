/**
 * How the namespaces that share a store say how long their history is kept.
 *
 * @module
 */
import { createHash } from "node:crypto";

/** The name under which one namespace says it. */
export const retentionName = (namespace: string): string =>
  createHash("sha256").update(namespace).digest("hex").slice(0, 32);

/**
 * The longest of what all of them say, in milliseconds.
 *
 * @throws where one says no such number: what it wants kept is not known then, and nothing may be removed
 */
export function longestRetention(own: number, said: readonly string[]): number {
  const others = said.map((each) => (/^\d+(?:\.\d+)?\n?$/.test(each) ? Number(each) : Number.NaN));
  if (others.every(Number.isFinite)) return Math.max(own, ...others);
  throw new Error(
    "an entry in `retention` of the artifact store is no number of milliseconds; remove that file, and its workers write it anew",
  );
}
