import { mkdir, utimes } from "node:fs/promises";
import { dirname } from "node:path";
import { KgentsError } from "#core/contract/error";
import { type ProcessLock, tryLock } from "#platform/host/process-lock";
import { readStateFile } from "#platform/host/state-file";
import { watchUntil } from "#platform/host/watch-until";
import { type EnvironmentPaths, environmentPaths } from "./paths.ts";
import { installMilliseconds } from "./run-installer.ts";
import { recordUse } from "./uses.ts";

/** How long a tree may be locked by others while it is only taken into use, in milliseconds. */
const holdMilliseconds = 30_000;

/** Takes a lock of an environment, and waits for whoever holds it. */
export async function takeLock(
  path: string,
  signal?: AbortSignal,
  timeoutMilliseconds = installMilliseconds,
): Promise<ProcessLock> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const lock = await watchUntil(
    path,
    async () => {
      signal?.throwIfAborted();
      return (await tryLock(path)).lock;
    },
    { timeoutMilliseconds },
  );
  if (lock) return lock;
  throw new KgentsError("package-install", "another process has been building these packages for too long");
}

/** Notes the use of a tree. Returns whether the machine has it. */
export async function noteUse(paths: EnvironmentPaths, hash: string): Promise<boolean> {
  const record = await readStateFile(paths.record(hash), { hash: "string", bytes: "number" });
  if (record === undefined) return false;
  const now = new Date();
  await utimes(paths.record(hash), now, now);
  return true;
}

/** A tree in use. */
export interface HeldTree {
  /** What is in this directory goes into the cell, read-only. */
  readonly directory: string;
  /** Ends the use: the tree may then be removed. */
  readonly release: () => Promise<void>;
}

/**
 * Takes the tree of an environment into use.
 *
 * @param cacheDirectory that of kgents: see `Paths`
 * @throws KgentsError `package-install` if the machine does not have it
 */
export async function holdTree(cacheDirectory: string, hash: string): Promise<HeldTree> {
  const paths = environmentPaths(cacheDirectory);
  await using _lock = await takeLock(paths.lock(hash), undefined, holdMilliseconds);
  if (!(await noteUse(paths, hash))) {
    throw new KgentsError("package-install", `the packages of the cell are not on this machine any more (${hash})`, {
      remedy: "Run it again: they are then built again.",
    });
  }
  return { directory: paths.tree(hash), release: await recordUse(paths.uses(hash)) };
}
