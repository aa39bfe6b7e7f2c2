/**
 * How much a store may take of its disk.
 *
 * @module
 */
import { lstat, readdir } from "node:fs/promises";
import { join } from "node:path";
import { KgentsError } from "#core/contract/error";
import { spaceOf } from "../host/disk-space.ts";
import { errorCode } from "../host/error-code.ts";

/** Bounds of a store, in bytes. */
export interface StoreBounds {
  /** @default 10 GiB, or half of its disk where that is less: ten runs at once, as many as a worker takes by default, write at most 4 GiB */
  readonly maximumSize?: number | undefined;
  /** @default 512 MiB, or a tenth of the disk where that is less: one run writes at most 384 MiB, the rest is for histories and logs */
  readonly minimumFree?: number | undefined;
}

const mebibyte = 2 ** 20;
const usualMaximum = 10 * 1024 * mebibyte;
const usualFree = 512 * mebibyte;

const inMebibytes = (bytes: number): string => `${Math.floor(bytes / mebibyte)} MiB`;

/** Where it has grown too large, a tenth is removed beyond that: not at each run. */
const keptShare = 0.9;

/** So often it is measured at most, in milliseconds; longer where measuring takes long. */
const measureMilliseconds = 10_000;
const measureShare = 20;

/** Something in a store. */
export interface Stored {
  readonly path: string;
  /** What it takes of the disk. */
  readonly bytes: number;
  /** When it was last written, in milliseconds. */
  readonly newest: number;
}

/** What a file, or a folder with all in it, takes of the disk, and when it was last written. Undefined where it is gone meanwhile. */
export async function measure(path: string): Promise<Stored | undefined> {
  try {
    const own = await lstat(path);
    let bytes = own.blocks * 512;
    let newest = own.mtimeMs;
    for (const name of own.isDirectory() ? await readdir(path) : []) {
      const inner = await measure(join(path, name));
      bytes += inner?.bytes ?? 0;
      newest = Math.max(newest, inner?.newest ?? 0);
    }
    return { path, bytes, newest };
  } catch (error) {
    if (errorCode(error) === "ENOENT") return undefined;
    throw error;
  }
}

/** What a store consists of. */
export interface StoreContent {
  readonly bytes: number;
  /** What may be removed, in the order in which it goes. */
  readonly removable: readonly Stored[];
}

/**
 * Keeps a store within its bounds.
 *
 * @param look measures the store
 * @param remove removes something, unless it is used by now; tells whether it did
 * @returns makes room for another run. It waits only where the store is not known yet, or too large; otherwise it is measured in the background
 */
export function keepWithinBounds(
  directory: string,
  bounds: StoreBounds,
  look: () => Promise<StoreContent>,
  remove: (stored: Stored) => Promise<boolean>,
): () => Promise<void> {
  let known: { readonly bytes: number; readonly until: number } | undefined;
  let measuring: Promise<number> | undefined;
  const trim = async (maximum: number): Promise<number> => {
    const begin = Date.now();
    const { bytes, removable } = await look();
    let left = bytes;
    for (const each of bytes > maximum ? removable : []) {
      if (left <= maximum * keptShare) break;
      if (await remove(each)) left -= each.bytes;
    }
    const pause = Math.max(measureMilliseconds, (Date.now() - begin) * measureShare);
    known = { bytes: left, until: Date.now() + pause };
    return left;
  };
  const measured = (maximum: number): Promise<number> => {
    measuring ??= trim(maximum).finally(() => {
      measuring = undefined;
    });
    return measuring;
  };
  return async () => {
    const { total } = await spaceOf(directory);
    const share = (usual: number, part: number): number => (total === 0 ? usual : Math.min(usual, total * part));
    const maximum = bounds.maximumSize ?? share(usualMaximum, 1 / 2);
    const reserve = bounds.minimumFree ?? (total === 0 ? 0 : share(usualFree, 1 / 10));
    let bytes = known?.bytes;
    if (bytes === undefined || bytes > maximum) bytes = await measured(maximum);
    // A failure is met by the next that waits.
    else if (Date.now() > (known?.until ?? 0)) measured(maximum).catch(() => {});
    if (bytes > maximum) {
      const what = `${directory} holds ${inMebibytes(bytes)} that runs still use, and may hold ${inMebibytes(maximum)}`;
      throw new KgentsError("disk-full", what);
    }
    const { free } = await spaceOf(directory);
    if (free >= reserve) return;
    const has = `the disk of ${directory} has ${inMebibytes(free)} left, and ${inMebibytes(reserve)} are kept free`;
    throw new KgentsError("disk-full", has);
  };
}
