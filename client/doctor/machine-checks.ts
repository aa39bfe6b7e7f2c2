import { constants } from "node:fs";
import { access, statfs } from "node:fs/promises";
import { dirname } from "node:path";
import { messageOf } from "#core/text/message-of";
import { formatBytes } from "#core/text/quantity";
import { errorCode } from "#platform/host/error-code";
import { olderNode, oldestNode } from "#platform/host/node-version";
import { distrust } from "#platform/host/ownership";
import { type Check, failed, ok, warning } from "./check.ts";

/** Room for two streams of 64 MiB and the history. */
const leastBytes = 256 * 2 ** 20;
/** Room for a day of output on a busy machine. */
const comfortableBytes = 2 ** 30;

/** Whether this Node is new enough. */
export function checkNode(version = process.versions.node): Check {
  return olderNode(version) === undefined
    ? ok("Node", version)
    : failed("Node", `${version} is too old`, `Install Node ${oldestNode} or newer.`);
}

/** The directory, or its nearest parent that exists. */
async function existingPart(directory: string): Promise<string> {
  try {
    await access(directory);
    return directory;
  } catch (error) {
    if (errorCode(error) !== "ENOENT" || dirname(directory) === directory) throw error;
    return existingPart(dirname(directory));
  }
}

const ownRemedy = (variable: string): string =>
  `Make it and the directories above it writable by you only (chown, chmod go-w), or choose another directory with ${variable}.`;

/** Whether a directory is writable and has enough space. */
export async function checkDirectory(name: string, directory: string, variable: string): Promise<Check> {
  try {
    const reason = distrust(directory);
    if (reason !== undefined) return failed(name, `${directory} is not used: ${reason}`, ownRemedy(variable));
    const existing = await existingPart(directory);
    await access(existing, constants.W_OK | constants.X_OK);
    const { bavail, bsize } = await statfs(existing);
    const free = bavail * bsize;
    const unit = free < 10 * 2 ** 30 ? 2 ** 20 : 2 ** 30;
    const found = `${formatBytes(Math.floor(free / unit) * unit)} free in ${directory}`;
    const remedy = `Free space there, or choose another directory with ${variable}.`;
    if (free < leastBytes) return failed(name, `only ${found}`, remedy);
    return free < comfortableBytes ? warning(name, `only ${found}`, remedy) : ok(name, found);
  } catch (error) {
    const why = messageOf(error);
    return failed(name, why, `Make it writable for this user, or choose another directory with ${variable}.`);
  }
}
