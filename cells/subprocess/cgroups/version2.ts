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

const unthrottle = (directory: string, controllers: ReadonlySet<string>): void => {
  if (controllers.has("cpu")) tryControl(directory, "cpu.max", `max ${cpuPeriod}`);
};

/** A group in one directory, with the controllers that are enabled there. */
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
  // Since Linux 6.12 a reset counts for the descriptor that wrote it only, and before there is none.
  resetPeak: () => false,
  unthrottle: () => unthrottle(directory, controllers),
  kill: () => {
    unthrottle(directory, controllers);
    // One write kills all processes without a race against fork. Kernels before 5.14 lack this file.
    if (!tryControl(directory, "cgroup.kill", 1)) killGroups([directory]);
  },
});

/** Enables controllers for the children of a group; false if that is refused. */
function enable(directory: string, controllers: readonly string[]): boolean {
  const on = readWords(directory, "cgroup.subtree_control");
  const missing = controllers.filter((name) => !on.has(name));
  if (missing.length === 0) return true;
  return tryControl(directory, "cgroup.subtree_control", missing.map((name) => `+${name}`).join(" "));
}

/**
 * The child group that a worker moves to, so that its group has no processes of its own and can have limited children.
 */
const workerLeaf = `${parentName}-worker`;

/** The original group of this process, even if the process has moved to the child. */
const homeGroup = ({ own }: Hierarchy): string => (basename(own) === workerLeaf ? dirname(own) : own);

/** Whether this process may create groups in a group and move processes there. */
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
 * Whether this process was started by a login or a user manager, where it may not create groups, or only by moving
 * other programs. Not in a service: a move would escape the limits of its unit.
 */
export function needsOwnGroup(hierarchies: readonly Hierarchy[]): boolean {
  const hierarchy = version2Hierarchy(hierarchies);
  if (hierarchy === undefined) return false;
  const home = homeGroup(hierarchy);
  if (!relative(hierarchy.mountPoint, home).startsWith("user.slice/")) return false;
  return !isWritable(home) || groupProcesses(home).some((pid) => pid !== process.pid);
}

/**
 * Moves the group's processes to a child, as container engines do: except for the root, a group with processes cannot
 * have limited children. If other programs' processes were in the group, systemd was asked for a separate group before.
 */
async function makeRoom(directory: string): Promise<void> {
  const processes = groupProcesses(directory);
  if (!processes.includes(process.pid)) return;
  const leaf = join(directory, workerLeaf);
  await mkdir(leaf, { recursive: true });
  for (const pid of processes) tryControl(leaf, "cgroup.procs", pid);
}

/** Creates groups under the worker's own; undefined if it is not writable or has no controller. */
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
    // Version 2 counts socket buffers as memory.
    enforced: { memory: said("memory"), cpu: said("cpu"), pids: said("pids"), sockets: said("memory") },
    parents: [parent],
    create: async (name) => {
      const directory = join(parent, name);
      await mkdir(directory);
      return version2Group(directory, enabled);
    },
  };
}
