import { readdirSync, rmdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { isRunning } from "#platform/host/process-identity";

/** Younger groups may be those of a worker that cannot be seen from here, on their way to their first process. */
const youngMilliseconds = 600_000;

/**
 * Removes the empty groups of workers that are gone, whatever became of their state directories: a group's name begins with the
 * id and the start of its worker's process. One with processes is left: the kernel refuses.
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
        // Gone meanwhile, or not empty.
      }
    }
  }
  return removed;
}
