import { rmdirSync } from "node:fs";
import { createBackoff } from "#platform/host/backoff";
import { errorCode } from "#platform/host/error-code";
import { groupProcesses } from "./group-files.ts";

/** How long the kernel may take to end killed processes, in milliseconds. */
const patience = 5000;

/** Kills the processes of groups; ignores those that have already ended. */
export function killGroups(directories: readonly string[]): void {
  for (const directory of directories) {
    for (const pid of groupProcesses(directory)) {
      try {
        process.kill(pid, "SIGKILL");
      } catch {
        // It has already ended.
      }
    }
  }
}

async function removeGroup(directory: string): Promise<void> {
  const deadline = Date.now() + patience;
  const backoff = createBackoff({ first: 1, longest: 100 });
  for (;;) {
    try {
      return rmdirSync(directory);
    } catch (error) {
      const code = errorCode(error);
      if (code === "ENOENT") return;
      // EBUSY: a killed process is not yet reaped. Version 1 has no event for that, so poll.
      if (code !== "EBUSY" || Date.now() > deadline) throw error;
    }
    killGroups([directory]);
    await backoff.pause();
  }
}

/** Removes groups and kills their processes. */
export async function removeGroups(directories: readonly string[]): Promise<void> {
  killGroups(directories);
  await Promise.all(directories.map(removeGroup));
}
