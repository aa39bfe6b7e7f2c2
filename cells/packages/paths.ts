import { join } from "node:path";

/** Where environments are kept on a machine. */
export interface EnvironmentPaths {
  readonly trees: string;
  /** The tree of an environment; what is in it goes into cells. */
  readonly tree: (hash: string) => string;
  /** Describes a finished tree. Its time of modification is that of its last use. */
  readonly record: (hash: string) => string;
  /** Held while a tree is built, removed, or taken into use. */
  readonly lock: (hash: string) => string;
  /** A file for each use of a tree. */
  readonly uses: (hash: string) => string;
  /** A tree and its tools' files while it is built. */
  readonly draft: (hash: string) => string;
  readonly drafts: string;
  /** Held while a finished tree is put beside the others. */
  readonly roomLock: string;
  readonly resolutions: string;
  /** What packages were resolved to. */
  readonly resolution: (key: string) => string;
  readonly resolutionLock: (key: string) => string;
}

/** @param cacheDirectory that of kgents: see `Paths` */
export function environmentPaths(cacheDirectory: string): EnvironmentPaths {
  const root = join(cacheDirectory, "environments");
  const trees = join(root, "trees");
  const drafts = join(root, "drafts");
  const resolutions = join(root, "resolutions");
  return {
    trees,
    drafts,
    resolutions,
    roomLock: join(root, "locks", "room.lock"),
    tree: (hash) => join(trees, hash, "tree"),
    record: (hash) => join(trees, hash, "environment.json"),
    lock: (hash) => join(root, "locks", `${hash}.lock`),
    uses: (hash) => join(root, "uses", hash),
    draft: (hash) => join(drafts, hash),
    resolution: (key) => join(resolutions, `${key}.json`),
    resolutionLock: (key) => join(root, "locks", `resolution-${key}.lock`),
  };
}
