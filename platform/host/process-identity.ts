import { readFile } from "node:fs/promises";

/** A process, told apart from a later one that was given the same id. */
export interface ProcessIdentity {
  readonly pid: number;
  /** When the process started, in clock ticks since boot; empty where the system does not say. */
  readonly startTime: string;
}

/** Reads when a process started; undefined where it is gone or a zombie. */
async function startTimeOf(pid: number): Promise<string | undefined> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, "latin1");
    // The command's name stands in parentheses and may itself contain spaces and parentheses.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return fields[0] === "Z" || fields[0] === "X" ? undefined : fields[19];
  } catch {
    return undefined;
  }
}

/** The identity of a running process; of this one without an argument. */
export async function identifyProcess(pid = process.pid): Promise<ProcessIdentity> {
  return { pid, startTime: (await startTimeOf(pid)) ?? "" };
}

/** Whether that very process still runs. */
export async function isRunning(identity: ProcessIdentity): Promise<boolean> {
  // To a signal, 0 and less mean groups of processes, and -1 every process there is.
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
