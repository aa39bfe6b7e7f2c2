/**
 * Holds the memory that is no file within `--memory`.
 *
 * The control group alone cannot: files live in memory and the kernel charges them to the same account, so its limit is the
 * sum of both, and code that writes no files could take the share of files for itself. So the worker looks from time to time
 * what the account is made of, and does what the kernel does at the limit: it kills the largest process.
 *
 * @module
 */
import { readFileSync, readlinkSync, statfsSync } from "node:fs";
import type { CellLimits } from "../machine/limits.ts";
import { workDirectory } from "../sandbox/sandbox-paths.ts";
import type { ControlGroup } from "./control-group.ts";

/** How often to look, in milliseconds. A look costs about 10 microseconds where all memory together is within the limit. */
const lookMilliseconds = 50;
/** How long a killed process may take to go before another is killed, in looks. */
const looksForDeath = 20;

const pageSize = 4096;

/** Memory of a process that is no file, in bytes; 0 where it is gone. */
function ownMemory(pid: number): number {
  try {
    const [, resident = 0, shared = 0] = readFileSync(`/proc/${pid}/statm`, "utf8").split(" ").map(Number);
    return (resident - shared) * pageSize;
  } catch {
    return 0;
  }
}

/** What the memory file systems of a sandbox hold, in bytes, seen through one of its processes; 0 where none can be seen. */
function filesInside(processes: readonly number[]): number {
  for (const pid of processes) {
    try {
      // One that is outside sees the machine's own directories.
      if (readlinkSync(`/proc/${pid}/ns/mnt`) === readlinkSync("/proc/self/ns/mnt")) continue;
      return [workDirectory, "/tmp", "/dev/shm"]
        .map((path) => statfsSync(`/proc/${pid}/root${path}`))
        .reduce((sum, { blocks, bfree, bsize }) => sum + (blocks - bfree) * bsize, 0);
    } catch {
      // Gone, or not yet in its own namespace.
    }
  }
  return 0;
}

/** What is told of a watch at its end. */
export interface MemoryWatch {
  /** Stops looking. Returns how many processes were killed. */
  readonly end: () => number;
}

/** Looks until it is ended. */
export function watchMemory(group: ControlGroup, limits: CellLimits): MemoryWatch {
  let kills = 0;
  let dying: { readonly pid: number; looks: number } | undefined;
  const isOver = (): boolean => {
    if ((group.charged() ?? 0) <= limits.memory) return false;
    const memory = group.memory();
    if (memory === null || memory.anonymous + memory.shared <= limits.memory) return false;
    if (memory.anonymous > limits.memory) return true;
    // What processes share without a file counts, and files do not.
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
      // It has ended meanwhile.
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
