/**
 * Control groups of version 2: one hierarchy for all controllers.
 *
 * @module
 */
import { constants } from "node:fs";
import { access, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { type CellLimits, chargedMemory, cpuPeriod } from "../limits.ts";
import { type ControlGroup, type GroupMaker, parentName } from "./control-group.ts";
import { groupProcesses, readKey, readNumber, readWords, tryControl, writeControl } from "./group-files.ts";
import type { Hierarchy } from "./own-groups.ts";
import { killGroups } from "./remove-groups.ts";

const wanted = ["memory", "pids", "cpu"] as const;

function limit(directory: string, controllers: ReadonlySet<string>, limits: CellLimits): void {
  if (controllers.has("memory")) {
    writeControl(directory, "memory.max", chargedMemory(limits));
    tryControl(directory, "memory.swap.max", 0);
  }
  if (controllers.has("pids")) writeControl(directory, "pids.max", limits.pids);
  if (controllers.has("cpu")) {
    writeControl(directory, "cpu.max", `${Math.round((limits.cpu / 1000) * cpuPeriod)} ${cpuPeriod}`);
  }
}

/** A group in one directory, with the controllers that are switched on there. */
export const version2Group = (directory: string, controllers: ReadonlySet<string>): ControlGroup => ({
  directories: [directory],
  limit: (limits) => limit(directory, controllers, limits),
  usage: () => {
    const microseconds = readKey(directory, "cpu.stat", "usage_usec");
    return {
      peakMemoryBytes: readNumber(directory, "memory.peak"),
      cpuSeconds: microseconds === null ? null : microseconds / 1e6,
      memoryKills: readKey(directory, "memory.events", "oom_kill") ?? 0,
    };
  },
  kill: () => {
    if (controllers.has("cpu")) tryControl(directory, "cpu.max", `max ${cpuPeriod}`);
    // One write that no fork can outrun; kernels before 5.14 do not have it.
    if (!tryControl(directory, "cgroup.kill", 1)) killGroups([directory]);
  },
});

/** Switches controllers on for the children of a group; false where that is refused. */
function enable(directory: string, controllers: readonly string[]): boolean {
  const on = readWords(directory, "cgroup.subtree_control");
  const missing = controllers.filter((name) => !on.has(name));
  if (missing.length === 0) return true;
  return tryControl(directory, "cgroup.subtree_control", missing.map((name) => `+${name}`).join(" "));
}

/**
 * A group that has processes cannot have limited children, except the root. In a group that was given to us alone (a
 * container, a delegated unit) the processes move to a child, as container engines do; nowhere else.
 */
async function makeRoom(directory: string): Promise<void> {
  const processes = groupProcesses(directory);
  if (!processes.includes(process.pid)) return;
  const leaf = join(directory, `${parentName}-worker`);
  await mkdir(leaf, { recursive: true });
  for (const pid of processes) tryControl(leaf, "cgroup.procs", pid);
}

/** Makes groups under the worker's own; undefined where that cannot be written or has no controller. */
export async function version2Groups(hierarchies: readonly Hierarchy[]): Promise<GroupMaker | undefined> {
  const hierarchy = hierarchies.find(({ version }) => version === 2);
  if (!hierarchy) return undefined;
  const available = readWords(hierarchy.own, "cgroup.controllers");
  const controllers = wanted.filter((name) => available.has(name));
  if (controllers.length === 0) return undefined;
  const parent = join(hierarchy.own, parentName);
  try {
    await access(join(hierarchy.own, "cgroup.procs"), constants.W_OK);
    if (!enable(hierarchy.own, controllers)) await makeRoom(hierarchy.own);
    if (!enable(hierarchy.own, controllers)) return undefined;
    await mkdir(parent, { recursive: true });
    if (!enable(parent, controllers)) return undefined;
  } catch {
    return undefined;
  }
  const enabled = new Set<string>(controllers);
  const said = (name: string): string | null => (enabled.has(name) ? "cgroup v2" : null);
  return {
    enforced: { memory: said("memory"), cpu: said("cpu"), pids: said("pids") },
    create: async (name) => {
      const directory = join(parent, name);
      await mkdir(directory);
      return version2Group(directory, enabled);
    },
  };
}
