/**
 * The limits of a cell: those of the request, and those that every cell has.
 *
 * @module
 */
import type { ExecutionSpec } from "#core/contract/request";

const mebibyte = 2 ** 20;

/** What is enforced around one run. */
export interface CellLimits {
  /** Bytes of memory that the code may use. */
  readonly memory: number;
  /** Thousandths of a core. */
  readonly cpu: number;
  /** Processes and threads. */
  readonly pids: number;
  /** Open files of one process. */
  readonly openFiles: number;
  /** The size of the work directory, and of one file, in bytes. */
  readonly work: number;
  /** The size of /tmp in bytes. */
  readonly temporary: number;
  /** The size of /dev/shm in bytes. */
  readonly sharedMemory: number;
}

/**
 * Enough for a compiler or a thread pool (Node starts 11 threads, a JVM about 30), few enough that a fork bomb costs nothing.
 * The supervisor and bubblewrap count too.
 */
const defaultPids = 128;

/** The usual soft limit of a login, so that nothing that works there fails here. */
const defaultOpenFiles = 1024;

/** What container engines give; programs that need more map files of their own. */
const largestSharedMemory = 64 * mebibyte;

/** The limits that a request asks for, with the fixed ones. */
export const cellLimits = (spec: Pick<ExecutionSpec, "memory" | "cpu" | "disk">): CellLimits => ({
  memory: spec.memory,
  cpu: spec.cpu,
  pids: defaultPids,
  openFiles: defaultOpenFiles,
  work: spec.disk,
  temporary: spec.disk,
  sharedMemory: Math.min(spec.disk, largestSharedMemory),
});

/**
 * What the control group may hold: the files live in memory (tmpfs), and the kernel charges them to the same account, so
 * that code which stays within `disk` must never be killed for memory.
 */
export const chargedMemory = (limits: CellLimits): number =>
  limits.memory + limits.work + limits.temporary + limits.sharedMemory;

/** Enough for the buffers of a thousand busy connections, and little beside the memory of a machine. */
const largestSocketMemory = 64 * mebibyte;

/** What the buffers of TCP connections may hold where they are counted apart, in bytes. */
export const socketMemory = (limits: CellLimits): number => Math.min(limits.memory, largestSocketMemory);

/**
 * The period over which cpu time is measured out, in microseconds: the longest that the kernel takes. The quota of a cell
 * with 100m is then 100 ms at once, which starts most interpreters without a stop; with the usual period of 100 ms it would
 * be 10 ms, and a start of 50 ms of cpu time would take half a second.
 */
export const cpuPeriod = 1_000_000;

/** The limits of a request that names none: what `kgents status` speaks of. */
export const usualLimits = { memory: 512 * mebibyte, cpu: 1000, disk: 100 * mebibyte };
