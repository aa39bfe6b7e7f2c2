/**
 * Enforces `--memory` for memory other than files.
 *
 * The control group alone cannot: tmpfs files are charged to the same group, so its limit is the sum of both, and code
 * without files could use the files' share as well. So the worker polls the group's breakdown and, like the kernel at
 * the limit, kills the largest process.
 *
 * @module
 */
import { readFileSync, readlinkSync, statfsSync } from "node:fs";
import type { CellLimits } from "../machine/limits.ts";
import { workDirectory } from "../sandbox/sandbox-paths.ts";
import type { ControlGroup } from "./control-group.ts";

/** The polling interval, in milliseconds. A poll takes about 10 microseconds while the total is within the limit. */
const lookMilliseconds = 50;
/** How long to wait for a killed process to end before another is killed, in polls. */
const looksForDeath = 20;

const pageSize = 4096;

/** Anonymous memory of a process, in bytes; 0 if it has ended. */
function ownMemory(pid: number): number {
  try {
    const [, resident = 0, shared = 0] = readFileSync(`/proc/${pid}/statm`, "utf8").split(" ").map(Number);
    return (resident - shared) * pageSize;
  } catch {
    return 0;
  }
}

/** The bytes used in a sandbox's tmpfs mounts, read through one of its processes; 0 if no process allows it. */
function filesInside(processes: readonly number[]): number {
  for (const pid of processes) {
    try {
      // A process outside the sandbox has the machine's own directories.
      if (readlinkSync(`/proc/${pid}/ns/mnt`) === readlinkSync("/proc/self/ns/mnt")) continue;
      return [workDirectory, "/tmp", "/dev/shm"]
        .map((path) => statfsSync(`/proc/${pid}/root${path}`))
        .reduce((sum, { blocks, bfree, bsize }) => sum + (blocks - bfree) * bsize, 0);
    } catch {
      // It has ended, or is not in its own namespace yet.
    }
  }
  return 0;
}

/** A running memory watch. */
export interface MemoryWatch {
  /** Stops the watch. Returns how many processes it killed. */
  readonly end: () => number;
}

/** Polls until it is ended. */
export function watchMemory(group: ControlGroup, limits: CellLimits): MemoryWatch {
  let kills = 0;
  let dying: { readonly pid: number; looks: number } | undefined;
  const isOver = (): boolean => {
    if ((group.charged() ?? 0) <= limits.memory) return false;
    const memory = group.memory();
    if (memory === null || memory.anonymous + memory.shared <= limits.memory) return false;
    if (memory.anonymous > limits.memory) return true;
    // Shared memory counts, but tmpfs files do not.
    return memory.anonymous + Math.max(0, memory.shared - filesInside(group.processes())) > limits.memory;
  };
  const look = (): void => {
    if (!isOver()) return;
    const processes = group.processes();
    if (dying !== undefined && processes.includes(dying.pid) && dying.looks++ < looksForDeath) return;
    const sizes = processes.map((pid) => ({ pid, bytes: ownMemory(pid) }));
    const largest = sizes.reduce((one, other) => (other.bytes > one.bytes ? other : one), { pid: 0, bytes: 0 });
    if (largest.pid === 0) return;
    dying = { pid: largest.pid, looks: 0 };
    try {
      process.kill(largest.pid, "SIGKILL");
      kills += 1;
    } catch {
      // It has already ended.
    }
  };
  const timer = setInterval(look, lookMilliseconds);
  return {
    end: () => {
      clearInterval(timer);
      return kills;
    },
  };
}
