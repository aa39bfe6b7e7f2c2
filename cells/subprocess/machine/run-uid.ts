import { createHash } from "node:crypto";
import { KgentsError } from "#core/contract/error";

/** Above the ranges that systemd assigns to containers (they end at 0x6fffffff), and below the sign bit of 32 bits. */
const firstUid = 0x70000000;
const uidBits = 27;

/**
 * The uid (and gid) of a run if the worker is root. No other run on this machine has it, so that two runs can neither
 * signal each other nor read each other's files, even if other isolation fails.
 *
 * In a container root may have few ids; then the upper half of the largest range is used.
 *
 * @throws KgentsError `sandbox-unavailable` if it has fewer than four
 * @param uidMap the text of `/proc/self/uid_map`
 * @param attempt incremented if another cell has the uid that the cell's id hashes to
 */
export function runUid(cellId: string, uidMap: string, attempt = 0): number {
  const hash = createHash("sha256").update(cellId).digest().readUInt32BE(0) + attempt;
  const ranges = uidMap
    .split("\n")
    .map((line) => line.trim().split(/\s+/).map(Number))
    .flatMap(([inside, , count]) => (inside !== undefined && count !== undefined ? [{ inside, count }] : []));
  const covers = ranges.some(({ inside, count }) => inside <= firstUid && inside + count >= firstUid + 2 ** uidBits);
  if (covers) return firstUid + (hash % 2 ** uidBits);
  const largest = ranges.reduce((best, range) => (range.count > best.count ? range : best), { inside: 0, count: 0 });
  const half = Math.floor(largest.count / 2);
  // With fewer ids only root is left. Refuse rather than run code as root.
  if (half < 2)
    throw new KgentsError("sandbox-unavailable", "this user namespace has no unprivileged user ids", {
      remedy: "Map at least 4 user ids into it, or run the worker outside of it; or use a cluster.",
    });
  return largest.inside + largest.count - half + (hash % (half - 1));
}
