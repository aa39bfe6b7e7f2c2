import { readFile } from "node:fs/promises";

const cacheFile = "/etc/ld.so.cache";
const magic = "glibc-ld.so.cache1.1";

/** Parses the loader's cache: the paths of each system library. Pure; undefined if it has another format. */
export function parseLibraryCache(cache: Buffer): Map<string, string[]> | undefined {
  // Older systems put the old format before it.
  const start = cache.indexOf(magic);
  if (start < 0) return undefined;
  const count = cache.readUInt32LE(start + magic.length);
  const places = new Map<string, string[]>();
  const text = (at: number): string => cache.toString("latin1", start + at, cache.indexOf(0, start + at));
  for (let index = 0; index < count; index += 1) {
    const at = start + 48 + index * 24;
    if (at + 24 > cache.length) break;
    const name = text(cache.readUInt32LE(at + 4));
    places.set(name, [...(places.get(name) ?? []), text(cache.readUInt32LE(at + 8))]);
  }
  return places;
}

/** The cache of this machine's loader; undefined if it has none, as with musl. */
export const readLibraryCache = async (): Promise<Map<string, string[]> | undefined> => {
  const cache = await readFile(cacheFile).catch(() => undefined);
  return cache && parseLibraryCache(cache);
};
