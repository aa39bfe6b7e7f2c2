import { readFileSync } from "node:fs";

/** The processes whose parent it is; empty if it has ended, or if this kernel does not list them. */
export function childrenOf(pid: number): number[] {
  try {
    const text = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8");
    return text
      .split(" ")
      .map(Number)
      .filter(Number.isSafeInteger)
      .filter((child) => child > 0);
  } catch {
    return [];
  }
}

/**
 * Kills what the supervisor of a sandbox waits for. It then kills everything else itself, at once: from outside, a fork
 * bomb could outrun one who kills its processes one by one.
 *
 * @param bubblewrap the process outside of the sandbox, whose only child is the supervisor
 */
export function killWaitedFor(bubblewrap: number): void {
  for (const pid of childrenOf(bubblewrap).flatMap(childrenOf)) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // It has already ended.
    }
  }
}
