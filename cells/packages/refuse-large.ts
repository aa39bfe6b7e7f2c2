import { KgentsError } from "#core/contract/error";
import { formatBytes } from "#core/text/quantity";

/** What file systems give to a file at least, in bytes. */
const blockBytes = 4096;
/** The most files and directories of a tree. */
export const maximumFiles = 200_000;

/** What a file takes on disk, in bytes. An empty one takes room too: for its name and its permissions. */
export const onDisk = (bytes: number): number => Math.max(1, Math.ceil(bytes / blockBytes)) * blockBytes;

/**
 * Refuses packages that are larger than the worker allows.
 *
 * @throws KgentsError `package-too-large`
 */
export function refuseLarge(bytes: number, maximumBytes: number): void {
  if (bytes <= maximumBytes) return;
  const words = `the packages have ${formatBytes(bytes)}; this worker allows ${formatBytes(maximumBytes)}`;
  throw new KgentsError("package-too-large", words);
}

/**
 * Refuses packages of too many files.
 *
 * @throws KgentsError `package-too-large`
 */
export function refuseMany(files: number, maximum = maximumFiles): void {
  if (files <= maximum) return;
  throw new KgentsError("package-too-large", `the packages have more than ${maximum} files`, {
    remedy: "Ask for packages with fewer files.",
  });
}
