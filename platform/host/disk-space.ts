import { statfs } from "node:fs/promises";
import { KgentsError } from "#core/contract/error";
import { messageOf } from "#core/text/message-of";
import { errorCode } from "./error-code.ts";

/** System error codes for a full disk and for an exhausted quota. */
const fullDisk: readonly (string | undefined)[] = ["ENOSPC", "EDQUOT"];

/** Whether an error or one of its causes reports a full disk. */
export function isDiskFull(error: unknown): boolean {
  for (let each = error; each instanceof Error; each = each.cause) if (fullDisk.includes(errorCode(each))) return true;
  return false;
}

/**
 * Returns a `disk-full` error if the given one reports a full disk, else the given one.
 *
 * @param what what could not be written; a failed write does not name the file
 * @param remedy what to do. @default the remedy of the error code
 */
export const namingFullDisk = <Given>(error: Given, what: string, remedy?: string): Given | KgentsError =>
  isDiskFull(error) ? new KgentsError("disk-full", `${what}: ${messageOf(error)}`, { cause: error, remedy }) : error;

/**
 * Total space of a directory's file system and the space free for this user, in bytes. Both are zero on a file system
 * that does not report its size.
 */
export async function spaceOf(directory: string): Promise<{ readonly total: number; readonly free: number }> {
  const { bsize, blocks, bavail } = await statfs(directory);
  return { total: bsize * blocks, free: bsize * bavail };
}

/** With less free space than this, a database cannot grow and programs that use one do not start. */
const neededBytes = 2 ** 20;

/** Remedy for a full disk that holds kgents' own files. */
export const fullDiskRemedy = "Free space there, or choose other directories with XDG_STATE_HOME and XDG_CACHE_HOME.";

/**
 * Returns a `disk-full` error if the disk of a directory is full, else undefined. For programs that fail without a
 * reason.
 *
 * @param what what failed, for the message
 */
export async function fullDiskBehind(
  what: string,
  directory: string,
  cause: unknown,
): Promise<KgentsError | undefined> {
  const space = await spaceOf(directory).catch(() => undefined);
  // A file system that does not report its size reports no free space either.
  if (!space || space.total === 0 || space.free >= neededBytes) return undefined;
  return new KgentsError("disk-full", `${what}: the disk of ${directory} is full`, { cause, remedy: fullDiskRemedy });
}
