/**
 * Which runs of a store are live, and which content they use. None of it may be removed to make room. Workers that
 * share the store coordinate through one file for each run, renewed while the run is live. The files of a dead worker
 * expire.
 *
 * @module
 */
import { readdir, readFile, rm, stat, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { isMissing } from "../host/error-code.ts";
import { makePrivateFile, makePrivateFolder } from "../host/private-file.ts";

const renewMilliseconds = 60_000;
/** Covers the time between two phases, when no worker renews the file, and a worker that is suspended. */
const liveMilliseconds = 15 * 60_000;

/** A live run. */
export interface HeldRun {
  /** Stops the renewal. The run counts as live for another 15 minutes, in which its next phase may begin. */
  readonly leave: () => void;
  /** Stops the renewal. The run, and the content that it uses, count as live until a time, in milliseconds since 1970. */
  readonly until: (time: number) => Promise<void>;
  /** Marks the run as over. */
  readonly release: () => Promise<void>;
}

/** The live runs of a store. */
export interface LiveRuns {
  /** @param blobs what the run uses: content by its SHA-256, and other runs by their keys. Replaces what it used before */
  readonly hold: (key: string, blobs: readonly string[]) => Promise<HeldRun>;
  /** The keys of live runs and the content that they use. */
  readonly look: () => Promise<ReadonlySet<string>>;
}

/** Opens the record of live runs. @param directory the store's directory */
export function openLiveRuns(directory: string): LiveRuns {
  const folder = join(directory, "live");
  const names = (): Promise<string[]> =>
    readdir(folder).catch((error) => {
      if (isMissing(error)) return [];
      throw error;
    });
  return {
    hold: async (key, blobs) => {
      const path = join(folder, key);
      await makePrivateFolder(folder);
      await makePrivateFile(path);
      await writeFile(path, blobs.join("\n"));
      const renew = (): void => {
        const now = new Date();
        // On failure the file keeps its age; the next renewal tries again.
        utimes(path, now, now).catch(() => {});
      };
      const timer = setInterval(renew, renewMilliseconds).unref();
      return {
        leave: () => clearInterval(timer),
        until: async (time) => {
          clearInterval(timer);
          const renewed = new Date(time - liveMilliseconds);
          await utimes(path, renewed, renewed);
        },
        release: async () => {
          clearInterval(timer);
          await rm(path, { force: true });
        },
      };
    },
    look: async () => {
      const live = new Set<string>();
      for (const name of await names()) {
        const path = join(folder, name);
        try {
          const age = Date.now() - (await stat(path)).mtimeMs;
          if (age > liveMilliseconds) {
            await rm(path, { force: true });
            continue;
          }
          live.add(name);
          for (const blob of (await readFile(path, "utf8")).split("\n")) live.add(blob);
        } catch (error) {
          if (!isMissing(error)) throw error;
        }
      }
      return live;
    },
  };
}
