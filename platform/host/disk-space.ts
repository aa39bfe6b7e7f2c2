import { statfs } from "node:fs/promises";
import { KgentsError } from "#core/contract/error";
import { messageOf } from "#core/text/message-of";
import { errorCode } from "./error-code.ts";

/** What the system says where a disk, or a user's share of it, is full. */
const fullDisk: readonly (string | undefined)[] = ["ENOSPC", "EDQUOT"];

/** Whether an error, or what caused it, says that a disk is full. */
export function isDiskFull(error: unknown): boolean {
  for (let each = error; each instanceof Error; each = each.cause) if (fullDisk.includes(errorCode(each))) return true;
  return false;
}

/**
 * The error as the failure `disk-full` where it says so, otherwise as it is.
 *
 * @param what what could not be written: a failed write does not name the file
 * @param remedy what to do; where it is left out, that of the kind
 */
export const namingFullDisk = <Given>(error: Given, what: string, remedy?: string): Given | KgentsError =>
  isDiskFull(error) ? new KgentsError("disk-full", `${what}: ${messageOf(error)}`, { cause: error, remedy }) : error;

/** The space of the file system that a directory is on, in bytes: what it has, and what is free for this user. Zero where it does not say. */
export async function spaceOf(directory: string): Promise<{ readonly total: number; readonly free: number }> {
  const { bsize, blocks, bavail } = await statfs(directory);
  return { total: bsize * blocks, free: bsize * bavail };
}

/** With less than this free, a database cannot grow, and the programs that keep one do not start. */
const neededBytes = 2 ** 20;

/** What to do where a disk is full on which kgents keeps its own files. */
export const fullDiskRemedy = "Free space there, or choose other directories with XDG_STATE_HOME and XDG_CACHE_HOME.";

/**
 * The failure `disk-full` of something that did not work, where the disk of a directory that it writes to has no space left; otherwise
 * undefined. For programs that do not say themselves why they ended.
 *
 * @param what what did not work
 */
export async function fullDiskBehind(
  what: string,
  directory: string,
  cause: unknown,
): Promise<KgentsError | undefined> {
  const space = await spaceOf(directory).catch(() => undefined);
  // A file system that does not say its size says no free space either.
  if (!space || space.total === 0 || space.free >= neededBytes) return undefined;
  return new KgentsError("disk-full", `${what}: the disk of ${directory} is full`, { cause, remedy: fullDiskRemedy });
}
