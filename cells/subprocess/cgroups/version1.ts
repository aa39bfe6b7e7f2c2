/**
 * Control groups of version 1: one hierarchy per controller, or shared by several.
 *
 * @module
 */
import { constants, mkdirSync } from "node:fs";
import { access, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { type CellLimits, chargedMemory, cpuPeriod, socketMemory } from "../machine/limits.ts";
import { type ControlGroup, type GroupMaker, parentName } from "./control-group.ts";
import { groupProcesses, hasControl, readKey, readNumber, tryControl, writeControl } from "./group-files.ts";
import type { Hierarchy } from "./own-groups.ts";
import { killGroups } from "./remove-groups.ts";

const wanted = ["memory", "pids", "cpu", "cpuacct"] as const;
type Controller = (typeof wanted)[number];
type Directories = Readonly<Partial<Record<Controller, string>>>;

function limit(directories: Directories, limits: CellLimits): void {
  const { memory, pids, cpu } = directories;
  if (memory !== undefined) {
    writeControl(memory, "memory.limit_in_bytes", chargedMemory(limits));
    // The limit of memory plus swap is the same, so there is no swap. Kernels without swap accounting lack this file.
    tryControl(memory, "memory.memsw.limit_in_bytes", chargedMemory(limits));
    tryControl(memory, "memory.swappiness", 0);
    // Version 1 counts the buffers of TCP connections separately.
    tryControl(memory, "memory.kmem.tcp.limit_in_bytes", socketMemory(limits));
  }
  if (pids !== undefined) writeControl(pids, "pids.max", limits.pids);
  if (cpu !== undefined) {
    writeControl(cpu, "cpu.cfs_period_us", cpuPeriod);
    writeControl(cpu, "cpu.cfs_quota_us", Math.round((limits.cpu / 1000) * cpuPeriod));
  }
}

const controlGroup = (directories: Directories): ControlGroup => {
  const all = [...new Set(Object.values(directories))];
  const unthrottle = (): void => {
    if (directories.cpu !== undefined) tryControl(directories.cpu, "cpu.cfs_quota_us", -1);
  };
  return {
    directories: all,
    limit: (limits) => limit(directories, limits),
    usage: () => {
      const nanoseconds = readNumber(directories.cpuacct, "cpuacct.usage");
      return {
        peakMemoryBytes: readNumber(directories.memory, "memory.max_usage_in_bytes"),
        cpuSeconds: nanoseconds === null ? null : nanoseconds / 1e9,
        memoryKills: readKey(directories.memory, "memory.oom_control", "oom_kill") ?? 0,
      };
    },
    charged: () => readNumber(directories.memory, "memory.usage_in_bytes"),
    memory: () => {
      const anonymous = readKey(directories.memory, "memory.stat", "total_rss");
      return anonymous === null
        ? null
        : { anonymous, shared: readKey(directories.memory, "memory.stat", "total_shmem") ?? 0 };
    },
    processes: () => all.slice(0, 1).flatMap(groupProcesses),
    resetPeak: () => directories.memory !== undefined && tryControl(directories.memory, "memory.max_usage_in_bytes", 0),
    unthrottle,
    kill: () => {
      unthrottle();
      killGroups(all);
    },
  };
};

/** Creates groups under the worker's own, in every writable hierarchy; undefined if none is writable. */
export async function version1Groups(hierarchies: readonly Hierarchy[]): Promise<GroupMaker | undefined> {
  const parents: Partial<Record<Controller, string>> = {};
  for (const controller of wanted) {
    const hierarchy = hierarchies.find(({ version, controllers }) => version === 1 && controllers.includes(controller));
    if (!hierarchy) continue;
    const parent = join(hierarchy.own, parentName);
    try {
      await mkdir(parent, { recursive: true });
      await access(join(parent, "cgroup.procs"), constants.W_OK);
      parents[controller] = parent;
    } catch {
      // Not writable: the limit is reported as not enforced by a group.
    }
  }
  // cpuacct only counts and limits nothing, so it alone is not worth a group.
  if (!parents.memory && !parents.pids && !parents.cpu) return undefined;
  const said = (controller: Controller): string | null => (parents[controller] ? "cgroup v1" : null);
  return {
    enforced: {
      memory: said("memory"),
      cpu: said("cpu"),
      pids: said("pids"),
      sockets:
        parents.memory && hasControl(parents.memory, "memory.kmem.tcp.limit_in_bytes") ? "memory.kmem.tcp" : null,
    },
    parents: [...new Set(Object.values(parents))],
    create: async (name) => {
      const directories = Object.fromEntries(
        Object.entries(parents).map(([controller, parent]) => [controller, join(parent, name)]),
      );
      for (const directory of new Set(Object.values(directories))) mkdirSync(directory);
      return controlGroup(directories);
    },
  };
}
