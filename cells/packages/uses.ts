/**
 * Who uses a tree: a file for each use, which counts as long as the process that wrote it lives.
 *
 * @module
 */
import { randomUUID } from "node:crypto";
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { identifyProcess, isRunning } from "#platform/host/process-identity";
import { readStateFile, writeStateFile } from "#platform/host/state-file";

const shape = { pid: "number", startTime: "string" } as const;

/** Records a use. Returns a function that ends it. The caller holds the lock of the tree. */
export async function recordUse(directory: string): Promise<() => Promise<void>> {
  const path = join(directory, `${randomUUID()}.json`);
  await writeStateFile(path, await identifyProcess());
  return () => rm(path, { force: true });
}

/**
 * Whether a running process uses it. Removes the records of processes that have ended. The caller holds the lock of the
 * tree.
 */
export async function isUsed(directory: string): Promise<boolean> {
  for (const name of await readdir(directory).catch(() => [])) {
    const path = join(directory, name);
    // Another name is that of a draft whose process died: who writes one holds the lock of the tree, as the caller does.
    const user = name.endsWith(".json") ? await readStateFile(path, shape) : undefined;
    if (user && (await isRunning(user))) return true;
    await rm(path, { force: true });
  }
  await rm(directory, { recursive: true, force: true });
  return false;
}
