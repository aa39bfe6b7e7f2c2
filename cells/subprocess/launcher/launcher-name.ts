/**
 * The names of launchers: the worker's process, then a random part.
 *
 * @module
 */
import { randomBytes } from "node:crypto";
import { identifyProcess, type ProcessIdentity } from "#platform/host/process-identity";

/** The beginning of the names of this process. */
export async function ownPrefix(): Promise<string> {
  const { pid, startTime } = await identifyProcess();
  return `${pid}-${startTime}`;
}

/** A name that no other launcher has. */
export const newLauncherName = (prefix: string): string => `${prefix}-${randomBytes(6).toString("hex")}`;

/** The worker of a launcher. */
export function ownerOfLauncher(name: string): ProcessIdentity {
  const [pid, startTime = ""] = name.split("-");
  return { pid: Number(pid), startTime };
}
