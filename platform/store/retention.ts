/**
 * How namespaces that share a store record how long their history is kept.
 *
 * @module
 */
import { createHash } from "node:crypto";

/** The name of a namespace's record. */
export const retentionName = (namespace: string): string =>
  createHash("sha256").update(namespace).digest("hex").slice(0, 32);

/**
 * The longest retention of all namespaces, in milliseconds.
 *
 * @throws if a record is not a number: its retention is then unknown, so nothing may be removed
 */
export function longestRetention(own: number, said: readonly string[]): number {
  const others = said.map((each) => (/^\d+(?:\.\d+)?\n?$/.test(each) ? Number(each) : Number.NaN));
  if (others.every(Number.isFinite)) return Math.max(own, ...others);
  throw new Error(
    "an entry in `retention` of the artifact store is no number of milliseconds; remove that file, and its workers write it anew",
  );
}
