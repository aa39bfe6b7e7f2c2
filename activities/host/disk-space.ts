import { statfs } from "node:fs/promises";
import { KgentsError } from "../../core/error.ts";
import { errorCode } from "./error-code.ts";

/** What the system says where a disk, or a user's share of it, is full. */
const fullDisk: readonly (string | undefined)[] = ["ENOSPC", "EDQUOT"];

/** Whether an error, or what caused it, says that a disk is full. */
export function isDiskFull(error: unknown): boolean {
  for (let each = error; each instanceof Error; each = each.cause) if (fullDisk.includes(errorCode(each))) return true;
  return false;
}

/** The error as the failure `disk-full` where it says so, otherwise as it is. @param what what could not be written */
export const namingFullDisk = <Given>(error: Given, what: string): Given | KgentsError =>
  isDiskFull(error) ? new KgentsError("disk-full", `${what}: ${messageOf(error)}`, { cause: error }) : error;

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** The space of the file system that a directory is on, in bytes: what it has, and what is free for this user. Zero where it does not say. */
export async function spaceOf(directory: string): Promise<{ readonly total: number; readonly free: number }> {
  const { bsize, blocks, bavail } = await statfs(directory);
  return { total: bsize * blocks, free: bsize * bavail };
}
