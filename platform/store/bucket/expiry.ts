/**
 * Expiry in a bucket: the retention that namespaces agree on, how workers claim a round, and the removal itself.
 *
 * @module
 */
import { randomUUID } from "node:crypto";
import { text } from "node:stream/consumers";
import type { ClaimedRounds } from "../expiry-claim.ts";
import { longestRetention, retentionName } from "../retention.ts";
import type { Bucket } from "./bucket.ts";

const roundsPrefix = "expiry/";

/** Records the retention of a namespace. Returns the longest retention of all namespaces, in milliseconds. */
export async function agreeOnRetention(bucket: Bucket, namespace: string, milliseconds: number): Promise<number> {
  await bucket.put(`retention/${retentionName(namespace)}`, Buffer.from(String(milliseconds)));
  const said: string[] = [];
  for await (const { name } of bucket.list("retention/")) {
    const content = await bucket.get(name);
    if (content) said.push(await text(content));
  }
  return longestRetention(milliseconds, said);
}

/** The claimed rounds of expiry, as objects of the bucket. */
export function claimedRounds(bucket: Bucket): ClaimedRounds {
  const pathOf = (name: string): string => `${roundsPrefix}${name}`;
  return {
    list: async () => {
      const found: { name: string; claimed: number }[] = [];
      for await (const { name, modified } of bucket.list(roundsPrefix)) {
        found.push({ name: name.slice(roundsPrefix.length), claimed: modified.getTime() });
      }
      return found;
    },
    make: async (name) => {
      const own = randomUUID();
      await bucket.putIfAbsent(pathOf(name), own);
      // Read the entry back: a retried write whose first response was lost conflicts with itself. Services without
      // conditional writes keep the last write.
      const content = await bucket.get(pathOf(name));
      return content !== undefined && (await text(content)) === own;
    },
    remove: (names) => bucket.remove(names.map(pathOf)),
  };
}

/** Removes the runs and blobs whose newest object is older than a time. Returns how many. */
export async function expire(bucket: Bucket, before: Date): Promise<number> {
  let removed = 0;
  let current: { group: string; names: string[]; newest: number } | undefined;
  const close = async (): Promise<void> => {
    if (!current || current.newest >= before.getTime()) return;
    await bucket.remove(current.names);
    removed += 1;
  };
  for (const folder of ["runs/", "blobs/"]) {
    for await (const { name, modified } of bucket.list(folder)) {
      // The listing is ordered by name, so the objects of a group are adjacent.
      const group = name.split("/").slice(0, 2).join("/");
      if (current?.group !== group) {
        await close();
        current = { group, names: [], newest: 0 };
      }
      current.names.push(name);
      current.newest = Math.max(current.newest, modified.getTime());
    }
  }
  await close();
  return removed;
}
