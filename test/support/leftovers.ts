import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

/** What runs can leave behind on this machine. All lists must be empty. */
export interface Leftovers {
  readonly cells: string[];
  readonly cgroups: string[];
  readonly mounts: string[];
}

async function namesBelow(directory: string, matches: (name: string) => boolean, depth: number): Promise<string[]> {
  const entries = await readdir(directory, { withFileTypes: true }).catch(() => []);
  const found: string[] = [];
  for (const entry of entries) {
    if (!entry.isDirectory()) continue;
    if (matches(entry.name)) found.push(join(directory, entry.name));
    else if (depth > 0) found.push(...(await namesBelow(join(directory, entry.name), matches, depth - 1)));
  }
  return found;
}

/**
 * Finds what runs left behind.
 *
 * @param state the state directory of the worker
 * @param workerPid the worker, whose cgroups carry its process id; without it, cgroups are not searched
 */
export async function leftoversOf(state: string, workerPid?: number): Promise<Leftovers> {
  const isCell = (name: string): boolean => /^kgents-[0-9a-f]{20}/.test(name);
  const isOurs = (name: string): boolean => workerPid !== undefined && name.startsWith(`${workerPid}-`);
  const mounts = (await readFile("/proc/self/mountinfo", "utf8")).split("\n");
  return {
    cells: await namesBelow(join(state, "cells"), isCell, 2),
    cgroups: await namesBelow("/sys/fs/cgroup", isOurs, 3),
    mounts: mounts.filter((line) => /kgents-[0-9a-f]{20}/.test(line)),
  };
}
