/**
 * The room for packages on a machine: its trees and what is being built stay within the cache's limit.
 *
 * @module
 */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { KgentsError } from "#core/contract/error";
import { formatBytes } from "#core/text/quantity";
import { readStateFile, writeStateFile } from "#platform/host/state-file";
import type { EnvironmentSettings } from "./builder.ts";
import type { EnvironmentPaths } from "./paths.ts";
import { keepWithin } from "./removal.ts";

const sizeOf = (draft: string): string => join(draft, "size.json");

/** Tells other builds, also those of other processes, what a draft takes. */
export const noteDraft = (draft: string, bytes: number): Promise<void> => writeStateFile(sizeOf(draft), { bytes });

/** What all builds of the machine take now, in bytes. */
async function draftBytes({ drafts, draft }: EnvironmentPaths): Promise<number> {
  const names = await readdir(drafts).catch(() => []);
  const sizes = await Promise.all(names.map((name) => readStateFile(sizeOf(draft(name)), { bytes: "number" })));
  return sizes.reduce((sum, size) => sum + (size?.bytes ?? 0), 0);
}

/** The room for one build. */
export interface Room {
  /**
   * Checks that trees and drafts fit. Removes trees that are not used where that is necessary.
   *
   * @throws KgentsError `disk-full`
   */
  readonly checkDrafts: () => Promise<void>;
  /** Checks that a finished tree fits beside the others, as `checkDrafts`. The caller holds the lock of the room. */
  readonly checkTree: (bytes: number) => Promise<void>;
}

/** The room for one build. Removes what builds that died have left, and trees above the limit. */
export async function roomFor(
  paths: EnvironmentPaths,
  { policy: { maximumBytes, maximumCacheBytes }, log }: Pick<EnvironmentSettings, "policy" | "log">,
): Promise<Room> {
  const keep = async (bytes: number): Promise<number> => {
    const { removed, keptBytes } = await keepWithin(paths, bytes);
    for (const hash of removed) {
      log(`removed the environment ${hash.slice(0, 12)}, which was not used for the longest time`);
    }
    return keptBytes;
  };
  const refuse = (bytes: number): never => {
    const words = `the packages on this machine, with those that are being installed, take ${formatBytes(bytes)}`;
    throw new KgentsError("disk-full", `${words}; this worker allows ${formatBytes(maximumCacheBytes)} in its cache`, {
      remedy: "Run it again when other runs have ended, or raise `worker.packages.maximumCacheBytes`.",
    });
  };
  let kept = await keep(maximumCacheBytes);
  return {
    checkDrafts: async () => {
      // A draft holds the files as they were downloaded, beside the tree. They are not in the cache later.
      const limit = maximumCacheBytes + maximumBytes;
      const drafts = await draftBytes(paths);
      if (kept + drafts <= limit) return;
      if (drafts <= limit) kept = await keep(limit - drafts);
      if (kept + drafts > limit) refuse(kept + drafts);
    },
    checkTree: async (bytes) => {
      // No other tree goes for one that has no room at all.
      if (bytes <= maximumCacheBytes) kept = await keep(maximumCacheBytes - bytes);
      if (kept + bytes > maximumCacheBytes) refuse(kept + bytes);
    },
  };
}
