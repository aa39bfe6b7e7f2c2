/**
 * Keeps the trees of a machine within their limit: those that were not used for the longest time go first.
 *
 * @module
 */
import { randomUUID } from "node:crypto";
import { mkdir, readdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { tryLock } from "#platform/host/process-lock";
import { readStateFile } from "#platform/host/state-file";
import type { EnvironmentPaths } from "./paths.ts";
import { isUsed } from "./uses.ts";

/**
 * How long after its last use a tree is kept in any case, in milliseconds: a run that was told of it may be about to
 * take it into use.
 */
const settleMilliseconds = 600_000;

/** A finished tree. */
export interface KeptTree {
  readonly hash: string;
  readonly bytes: number;
  /** When it was last used, in milliseconds since the epoch. */
  readonly usedAt: number;
}

async function keptTrees(paths: EnvironmentPaths): Promise<KeptTree[]> {
  const hashes = await readdir(paths.trees).catch(() => []);
  const found = await Promise.all(
    hashes.map(async (hash) => {
      const record = await readStateFile(paths.record(hash), { bytes: "number" });
      const status = await stat(paths.record(hash)).catch(() => undefined);
      return record && status ? [{ hash, bytes: record.bytes, usedAt: status.mtimeMs }] : [];
    }),
  );
  return found.flat();
}

/** The trees that may go unless they are used, the one that was not used for the longest time first. Pure. */
export const removableTrees = (trees: readonly KeptTree[], now: number): KeptTree[] =>
  trees
    .filter(({ usedAt }) => now - usedAt >= settleMilliseconds)
    .toSorted((left, right) => left.usedAt - right.usedAt);

/** Removes a tree unless it is used, or another process works on it. Returns whether it is gone. */
async function removeTree(paths: EnvironmentPaths, hash: string): Promise<boolean> {
  const { lock } = await tryLock(paths.lock(hash));
  if (lock === undefined) return false;
  try {
    if (await isUsed(paths.uses(hash))) return false;
    await mkdir(paths.drafts, { recursive: true, mode: 0o700 });
    // In one step, so that no other process takes a tree into use that is half gone.
    const away = join(paths.drafts, `removed-${randomUUID()}`);
    await rename(join(paths.trees, hash), away);
    await rm(away, { recursive: true, force: true });
    return true;
  } finally {
    await lock.release();
  }
}

/** Removes what builds that died have left. */
async function removeAbandoned(paths: EnvironmentPaths): Promise<void> {
  for (const name of await readdir(paths.drafts).catch(() => [])) {
    // The name of a draft is that of its lock. What is being removed has a name that no lock has.
    const { lock } = await tryLock(paths.lock(name));
    if (lock === undefined) continue;
    await rm(paths.draft(name), { recursive: true, force: true });
    await lock.release();
  }
}

/** What is kept, and the hashes of the trees that were removed. */
export interface Kept {
  readonly removed: readonly string[];
  /** What the trees take that are left, in bytes: more than the limit if they are used or were used just now. */
  readonly keptBytes: number;
}

/** Removes trees above a limit, and what builds that died have left. */
export async function keepWithin(paths: EnvironmentPaths, maximumBytes: number): Promise<Kept> {
  await removeAbandoned(paths);
  const trees = await keptTrees(paths);
  let keptBytes = trees.reduce((sum, { bytes }) => sum + bytes, 0);
  const removed: string[] = [];
  for (const { hash, bytes } of removableTrees(trees, Date.now())) {
    if (keptBytes <= maximumBytes) break;
    if (!(await removeTree(paths, hash))) continue;
    removed.push(hash);
    keptBytes -= bytes;
  }
  return { removed, keptBytes };
}
