import { readFile } from "node:fs/promises";

/** A process, distinguished from a later one with the same id. */
export interface ProcessIdentity {
  readonly pid: number;
  /** When the process started, in clock ticks since boot; empty if the system does not report it. */
  readonly startTime: string;
}

/** Reads when a process started; undefined if it is gone or a zombie. */
async function startTimeOf(pid: number): Promise<string | undefined> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, "latin1");
    // The command's name is in parentheses and may itself contain spaces and parentheses.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return fields[0] === "Z" || fields[0] === "X" ? undefined : fields[19];
  } catch {
    return undefined;
  }
}

/** The identity of a running process. @default this process */
export async function identifyProcess(pid = process.pid): Promise<ProcessIdentity> {
  return { pid, startTime: (await startTimeOf(pid)) ?? "" };
}

/** Whether the same process still runs. */
export async function isRunning(identity: ProcessIdentity): Promise<boolean> {
  // kill(2) takes 0 and negative ids as process groups, and -1 as every process.
  if (!Number.isSafeInteger(identity.pid) || identity.pid <= 0) return false;
  const now = await startTimeOf(identity.pid);
  if (now !== undefined) return identity.startTime === "" || now === identity.startTime;
  if (process.platform === "linux") return false;
  try {
    process.kill(identity.pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
