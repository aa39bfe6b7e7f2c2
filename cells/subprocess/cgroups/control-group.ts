/**
 * The operations of a cell's control group, for either cgroup version.
 *
 * @module
 */
import type { CellLimits } from "../machine/limits.ts";

/** The limits that a machine's control groups enforce, each with its description for results. */
export interface EnforcedByGroups {
  readonly memory: string | null;
  readonly cpu: string | null;
  readonly pids: string | null;
  /** What limits the buffers of TCP connections; null if nothing does. */
  readonly sockets: string | null;
}

/** Counters of the kernel. */
export interface GroupUsage {
  readonly peakMemoryBytes: number | null;
  readonly cpuSeconds: number | null;
  /** How many processes the kernel OOM-killed. */
  readonly memoryKills: number;
}

/** The current memory of a group, in bytes. */
export interface GroupMemory {
  /** Anonymous memory of processes: heaps and stacks. */
  readonly anonymous: number;
  /** Files in tmpfs, and memory shared between processes. */
  readonly shared: number;
}

/** The control group of one cell. */
export interface ControlGroup {
  /** Its directories, one per hierarchy. */
  readonly directories: readonly string[];
  readonly limit: (limits: CellLimits) => void;
  readonly usage: () => GroupUsage;
  /** All memory currently charged to it, in bytes; one short read. Null if memory is not counted. */
  readonly charged: () => number | null;
  /** The breakdown of the charged memory; null if not available. */
  readonly memory: () => GroupMemory | null;
  /** The processes in it. */
  readonly processes: () => number[];
  /** Makes the peak of its memory count from now on; false if this kernel does not allow it. */
  readonly resetPeak: () => boolean;
  /** Lifts the CPU quota until the next `limit`: a throttled process would only die in its next period. */
  readonly unthrottle: () => void;
  /** Kills every process in it. */
  readonly kill: () => void;
}

/** Creates control groups on this machine. */
export interface GroupMaker {
  readonly enforced: EnforcedByGroups;
  /** Creates a group. A process joins it by writing `0` to `cgroup.procs` of each of its directories. */
  readonly create: (name: string) => Promise<ControlGroup>;
  /** The parent directories of its groups, one per hierarchy. */
  readonly parents: readonly string[];
}

/** The name of the parent group of all cells' groups. */
export const parentName = "kgents";
