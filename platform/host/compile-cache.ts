import { join } from "node:path";
import { distrust } from "./ownership.ts";

/**
 * The directory in which Node keeps the compiled code of our programs; undefined if another user can write to it.
 *
 * @param cacheDirectory the cache of `Paths`
 */
export function compileCacheIn(cacheDirectory: string): string | undefined {
  const directory = join(cacheDirectory, "compile-cache");
  return distrust(directory) === undefined ? directory : undefined;
}
