/**
 * The limits of a cell: those of the request, and fixed ones.
 *
 * @module
 */
import type { ShapeLimits } from "../../usual-limits.ts";

const mebibyte = 2 ** 20;

/** The limits of one cell. */
export interface CellLimits {
  /** Memory of the code, in bytes. */
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
 * Enough for a compiler or a thread pool (Node starts 11 threads, a JVM about 30), low enough to contain a fork bomb.
 * The supervisor and bubblewrap count too.
 */
const defaultPids = 128;

/** The usual soft limit of a login session, so that programs behave the same here. */
const defaultOpenFiles = 1024;

/** The default of container engines; programs that need more map files of their own. */
const largestSharedMemory = 64 * mebibyte;

/** The limits of a cell, including the fixed ones. */
export const cellLimits = (shape: Omit<ShapeLimits, "network">): CellLimits => ({
  memory: shape.memory,
  cpu: shape.cpu,
  pids: defaultPids,
  openFiles: defaultOpenFiles,
  work: shape.disk,
  temporary: shape.disk,
  sharedMemory: Math.min(shape.disk, largestSharedMemory),
});

/**
 * The memory limit of the control group. tmpfs files are charged to the same group, so the limit includes their sizes:
 * code within `disk` must never be killed for memory.
 */
export const chargedMemory = (limits: CellLimits): number =>
  limits.memory + limits.work + limits.temporary + limits.sharedMemory;

/** Enough for the buffers of a thousand busy connections, and small compared to a machine's memory. */
const largestSocketMemory = 64 * mebibyte;

/** The limit for the buffers of TCP connections where they are counted separately, in bytes. */
export const socketMemory = (limits: CellLimits): number => Math.min(limits.memory, largestSocketMemory);

/**
 * The period of the CPU quota, in microseconds: the longest that the kernel accepts. A cell with 100m then gets 100 ms
 * at once, which starts most interpreters without throttling. With the usual period of 100 ms it would get 10 ms, and a
 * start with 50 ms of CPU time would take half a second.
 */
export const cpuPeriod = 1_000_000;
