import { lstat, readdir } from "node:fs/promises";
import { join } from "node:path";
import { KgentsError } from "#core/contract/error";
import { formatBytes } from "#core/text/quantity";

const intervalMilliseconds = 1000;

/** The size of the files in a directory that changes, in bytes. Files with several names count once. */
async function sizeOf(root: string): Promise<number> {
  const seen = new Set<number>();
  let bytes = 0;
  const directories = [root];
  for (let directory = directories.pop(); directory !== undefined; directory = directories.pop()) {
    // A directory or a file may be gone since it was listed.
    for (const entry of await readdir(directory, { withFileTypes: true }).catch(() => [])) {
      const path = join(directory, entry.name);
      if (entry.isDirectory()) directories.push(path);
      const status = entry.isFile() ? await lstat(path).catch(() => undefined) : undefined;
      if (status === undefined || seen.has(status.ino)) continue;
      if (status.nlink > 1) seen.add(status.ino);
      bytes += status.size;
    }
  }
  return bytes;
}

/**
 * Does work that writes into a directory, and stops it when that is too large.
 *
 * @param work its signal aborts when it has to stop
 * @throws KgentsError `package-too-large`; whatever the work throws
 */
export async function watchSize(
  directory: string,
  maximumBytes: number,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const tooLarge = new AbortController();
  const check = async (): Promise<void> => {
    if ((await sizeOf(directory)) <= maximumBytes) return;
    const words = `the packages take more than ${formatBytes(maximumBytes)} while they are installed`;
    tooLarge.abort(new KgentsError("package-too-large", words));
  };
  let checking: Promise<void> | undefined;
  const timer = setInterval(() => {
    checking ??= check().finally(() => {
      checking = undefined;
    });
  }, intervalMilliseconds);
  try {
    await work(AbortSignal.any([signal, tooLarge.signal]));
  } finally {
    clearInterval(timer);
    await checking;
  }
}
