import { lstat, readdir } from "node:fs/promises";
import { join } from "node:path";
import { KgentsError } from "#core/contract/error";
import { formatBytes } from "#core/text/quantity";
import { maximumFiles, onDisk, refuseMany } from "./refuse-large.ts";

const intervalMilliseconds = 1000;

/** What a directory takes. */
export interface TreeSize {
  /** On disk, where each entry takes a block at least. Files with several names count once. */
  readonly bytes: number;
  /** The number of its entries, at any depth. No further ones are counted if they are far too many. */
  readonly files: number;
}

/** The files of a draft: it holds what was downloaded beside the tree. */
const maximumDraftFiles = 2 * maximumFiles;

/** The size of a directory that changes. */
async function sizeOf(root: string): Promise<TreeSize> {
  const seen = new Set<number>();
  let bytes = 0;
  let files = 0;
  const directories = [root];
  for (let directory = directories.pop(); directory !== undefined; directory = directories.pop()) {
    // A directory or a file may be gone since it was listed.
    for (const entry of await readdir(directory, { withFileTypes: true }).catch(() => [])) {
      if (files > maximumDraftFiles) return { bytes, files };
      const path = join(directory, entry.name);
      files += 1;
      if (entry.isDirectory()) directories.push(path);
      const status = entry.isFile() ? await lstat(path).catch(() => undefined) : undefined;
      if (status && seen.has(status.ino)) continue;
      if (status && status.nlink > 1) seen.add(status.ino);
      bytes += onDisk(status?.size ?? 0);
    }
  }
  return { bytes, files };
}

/** Refuses what takes more than packages need while they are installed. @param maximumBytes of a finished tree */
export const refuseLargeDraft =
  (maximumBytes: number) =>
  ({ bytes, files }: TreeSize): void => {
    refuseMany(files, maximumDraftFiles);
    if (bytes <= 2 * maximumBytes) return;
    const words = `the packages take more than ${formatBytes(2 * maximumBytes)} while they are installed`;
    throw new KgentsError("package-too-large", words);
  };

/**
 * Does work that writes into a directory, and stops it when that is too large.
 *
 * @param refuse throws if it has to stop
 * @param work its signal aborts when it has to stop
 * @throws what `refuse` or the work throws
 */
export async function watchSize<T>(
  directory: string,
  refuse: (size: TreeSize) => void | Promise<void>,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const refused = new AbortController();
  const check = async (): Promise<void> => {
    try {
      await refuse(await sizeOf(directory));
    } catch (error) {
      refused.abort(error);
    }
  };
  let checking: Promise<void> | undefined;
  const timer = setInterval(() => {
    checking ??= check().finally(() => {
      checking = undefined;
    });
  }, intervalMilliseconds);
  try {
    return await work(AbortSignal.any([signal, refused.signal]));
  } finally {
    clearInterval(timer);
    await checking;
  }
}
