/**
 * What a control group does for a cell, whichever version the machine has.
 *
 * @module
 */
import type { CellLimits } from "../machine/limits.ts";

/** Which limits a machine's control groups enforce, and by what words that is said. */
export interface EnforcedByGroups {
  readonly memory: string | null;
  readonly cpu: string | null;
  readonly pids: string | null;
  /** What bounds the buffers of TCP connections; null where nothing does. */
  readonly sockets: string | null;
}

/** What the kernel counted. */
interface GroupUsage {
  readonly peakMemoryBytes: number | null;
  readonly cpuSeconds: number | null;
  /** How many processes the kernel killed for memory. */
  readonly memoryKills: number;
}

/** What a group holds now, in bytes. */
export interface GroupMemory {
  /** Memory of processes that is no file: their heaps and stacks. */
  readonly anonymous: number;
  /** Files in memory, and memory that processes share. */
  readonly shared: number;
}

/** The control group of one cell. */
export interface ControlGroup {
  /** Its directories: one a hierarchy. */
  readonly directories: readonly string[];
  readonly limit: (limits: CellLimits) => void;
  readonly usage: () => GroupUsage;
  /** All that is charged to it now, in bytes: one short read. Null where the memory is not counted. */
  readonly charged: () => number | null;
  /** What it is made of; null where that is not told. */
  readonly memory: () => GroupMemory | null;
  /** The processes in it. */
  readonly processes: () => number[];
  /** Kills every process in it. */
  readonly kill: () => void;
}

/** How this machine makes control groups. */
export interface GroupMaker {
  readonly enforced: EnforcedByGroups;
  /** Makes a group; a process joins it by writing `0` to `cgroup.procs` of each of its directories. */
  readonly create: (name: string) => Promise<ControlGroup>;
  /** Where its groups stand: one directory a hierarchy. */
  readonly parents: readonly string[];
}

/** Under which our groups stand. */
export const parentName = "kgents";
