import { readdirSync, rmdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { isRunning } from "#platform/host/process-identity";

/** Younger groups may belong to a worker in another pid namespace and not have a process yet. */
const youngMilliseconds = 600_000;

/**
 * Removes the empty groups of workers that are gone, even if their state directories are gone. A group's name begins
 * with the id and the start time of its worker's process. The kernel refuses to remove a group with processes.
 */
export async function sweepGroups(parents: readonly string[], now = Date.now()): Promise<number> {
  let removed = 0;
  for (const parent of parents) {
    for (const entry of readdirSync(parent, { withFileTypes: true })) {
      const [, pid, startTime = ""] = /^(\d+)-(\d+)-[0-9a-f]+$/.exec(entry.name) ?? [];
      const path = join(parent, entry.name);
      if (!entry.isDirectory() || pid === undefined) continue;
      if (await isRunning({ pid: Number(pid), startTime })) continue;
      try {
        if (now - statSync(path).mtimeMs < youngMilliseconds) continue;
        rmdirSync(path);
        removed += 1;
      } catch {
        // Already removed, or not empty.
      }
    }
  }
  return removed;
}
