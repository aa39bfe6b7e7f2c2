/**
 * Limits on the disk space of a store.
 *
 * @module
 */
import { lstat, readdir } from "node:fs/promises";
import { join } from "node:path";
import { KgentsError } from "#core/contract/error";
import { spaceOf } from "../host/disk-space.ts";
import { errorCode } from "../host/error-code.ts";

/** Limits of a store, in bytes. */
export interface StoreBounds {
  /**
   * The maximum size.
   *
   * @default 10 GiB, or half of its disk if that is less. Ten concurrent runs, a worker's default, write at most 4 GiB
   */
  readonly maximumSize?: number | undefined;
  /**
   * Space to keep free.
   *
   * @default 512 MiB, or a tenth of the disk if that is less. One run writes at most 384 MiB; the rest is for histories
   * and logs
   */
  readonly minimumFree?: number | undefined;
}

const mebibyte = 2 ** 20;
const usualMaximum = 10 * 1024 * mebibyte;
const usualFree = 512 * mebibyte;

const inMebibytes = (bytes: number): string => `${Math.floor(bytes / mebibyte)} MiB`;

/** A store that is too large is trimmed to a tenth below its limit, so that not every run trims. */
const keptShare = 0.9;

/** The minimum interval between measurements, in milliseconds. It is longer if a measurement takes long. */
const measureMilliseconds = 10_000;
const measureShare = 20;

/** A run or blob in a store. */
export interface Stored {
  readonly path: string;
  /** Its disk usage. */
  readonly bytes: number;
  /** Its last modification, in milliseconds since 1970. */
  readonly newest: number;
}

/**
 * The disk usage and last modification of a file, or of a folder with its content. Undefined if it no longer exists.
 */
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

/** The size of a store and its removable parts. */
export interface StoreContent {
  readonly bytes: number;
  /** Candidates for removal, first to be removed first. */
  readonly removable: readonly Stored[];
}

/**
 * Keeps a store within its limits.
 *
 * @param look measures the store
 * @param remove removes an entry unless it is in use; returns whether it did
 * @returns a function that makes room for another run. It waits only if the size is unknown or too large; otherwise it
 * measures in the background
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
    // The next call that waits gets the error.
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
