/**
 * Control groups of version 2: one hierarchy for all controllers.
 *
 * @module
 */
import { accessSync, constants } from "node:fs";
import { mkdir } from "node:fs/promises";
import { basename, dirname, join, relative } from "node:path";
import { type CellLimits, chargedMemory, cpuPeriod } from "../machine/limits.ts";
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
  charged: () => readNumber(directory, "memory.current"),
  memory: () => {
    const anonymous = readKey(directory, "memory.stat", "anon");
    return anonymous === null ? null : { anonymous, shared: readKey(directory, "memory.stat", "shmem") ?? 0 };
  },
  processes: () => groupProcesses(directory),
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

/** The child that a worker moves to, to make room for groups beside it. */
const workerLeaf = `${parentName}-worker`;

/** The group of this process; not the child of it that the process may have moved to. */
const homeGroup = ({ own }: Hierarchy): string => (basename(own) === workerLeaf ? dirname(own) : own);

/** Whether this process may make groups in a group, and move processes there. */
function isWritable(directory: string): boolean {
  try {
    accessSync(directory, constants.W_OK);
    accessSync(join(directory, "cgroup.procs"), constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

const version2Hierarchy = (hierarchies: readonly Hierarchy[]): Hierarchy | undefined =>
  hierarchies.find(({ version, mountPoint }) => version === 2 && readWords(mountPoint, "cgroup.controllers").size > 0);

/**
 * Whether this process was started by a login or a user manager, where it may not make groups, or only by moving other
 * programs aside. Not in a service: its unit says what it may have, which a move would undo.
 */
export function needsOwnGroup(hierarchies: readonly Hierarchy[]): boolean {
  const hierarchy = version2Hierarchy(hierarchies);
  if (hierarchy === undefined) return false;
  const home = homeGroup(hierarchy);
  if (!relative(hierarchy.mountPoint, home).startsWith("user.slice/")) return false;
  return !isWritable(home) || groupProcesses(home).some((pid) => pid !== process.pid);
}

/**
 * A group that has processes cannot have limited children, except the root: they move to a child, as container engines do
 * it. Where they are not only ours, a manager of groups was asked for another group before.
 */
async function makeRoom(directory: string): Promise<void> {
  const processes = groupProcesses(directory);
  if (!processes.includes(process.pid)) return;
  const leaf = join(directory, workerLeaf);
  await mkdir(leaf, { recursive: true });
  for (const pid of processes) tryControl(leaf, "cgroup.procs", pid);
}

/** Makes groups under the worker's own; undefined where that cannot be written or has no controller. */
export async function version2Groups(hierarchies: readonly Hierarchy[]): Promise<GroupMaker | undefined> {
  const hierarchy = version2Hierarchy(hierarchies);
  if (!hierarchy) return undefined;
  const home = homeGroup(hierarchy);
  const available = readWords(home, "cgroup.controllers");
  const controllers = wanted.filter((name) => available.has(name));
  if (controllers.length === 0 || !isWritable(home)) return undefined;
  const parent = join(home, parentName);
  try {
    if (!enable(home, controllers)) await makeRoom(home);
    if (!enable(home, controllers)) return undefined;
    await mkdir(parent, { recursive: true });
    if (!enable(parent, controllers)) return undefined;
  } catch {
    return undefined;
  }
  const enabled = new Set<string>(controllers);
  const said = (name: string): string | null => (enabled.has(name) ? "cgroup v2" : null);
  return {
    // Version 2 counts the buffers of sockets with the rest.
    enforced: { memory: said("memory"), cpu: said("cpu"), pids: said("pids"), sockets: said("memory") },
    parents: [parent],
    create: async (name) => {
      const directory = join(parent, name);
      await mkdir(directory);
      return version2Group(directory, enabled);
    },
  };
}
