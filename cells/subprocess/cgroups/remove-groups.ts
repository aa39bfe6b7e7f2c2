import { rmdirSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { errorCode } from "#platform/host/error-code";
import { groupProcesses } from "./group-files.ts";

/** How long the kernel may take to end processes that were killed, in milliseconds. */
const patience = 5000;

/** Kills the processes of groups; those that end by themselves meanwhile are no error. */
export function killGroups(directories: readonly string[]): void {
  for (const directory of directories) {
    for (const pid of groupProcesses(directory)) {
      try {
        process.kill(pid, "SIGKILL");
      } catch {
        // Gone already.
      }
    }
  }
}

async function removeGroup(directory: string): Promise<void> {
  const deadline = Date.now() + patience;
  for (let pause = 1; ; pause = Math.min(pause * 2, 100)) {
    try {
      return rmdirSync(directory);
    } catch (error) {
      const code = errorCode(error);
      if (code === "ENOENT") return;
      // Busy: a killed process is not yet reaped. No event says when it is, in version 1.
      if (code !== "EBUSY" || Date.now() > deadline) throw error;
    }
    killGroups([directory]);
    await sleep(pause);
  }
}

/** Takes groups away with every process in them. */
export async function removeGroups(directories: readonly string[]): Promise<void> {
  killGroups(directories);
  await Promise.all(directories.map(removeGroup));
}
