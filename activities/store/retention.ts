/**
 * How the namespaces that share a store say how long their history is kept.
 *
 * @module
 */
import { createHash } from "node:crypto";

/** The name under which one namespace says it. */
export const retentionName = (namespace: string): string =>
  createHash("sha256").update(namespace).digest("hex").slice(0, 32);

/** The longest of what all of them say, in milliseconds. */
export const longestRetention = (own: number, said: readonly string[]): number =>
  Math.max(own, ...said.map(Number).filter(Number.isFinite));
