/**
 * Which runs of a store go on, and which content they use: nothing of theirs may be removed to make room. Workers that share the store tell each other by
 * files, one a run, that are renewed while it goes on. A dead worker's grow old.
 *
 * @module
 */
import { readdir, readFile, rm, stat, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { errorCode } from "../host/error-code.ts";
import { makePrivateFile, makePrivateFolder } from "../host/private-file.ts";

const renewMilliseconds = 60_000;
/** Between two phases nobody renews it, and a worker may stand still for a while. */
const liveMilliseconds = 15 * 60_000;

/** A run that goes on. */
export interface HeldRun {
  /** Nobody renews it any more: it counts as going on for another 15 minutes, in which its next phase may begin. */
  readonly leave: () => void;
  /** It is over. */
  readonly release: () => Promise<void>;
}

/** The runs that go on. */
export interface LiveRuns {
  /** @param blobs the content that the run uses, each by its SHA-256 */
  readonly hold: (key: string, blobs: readonly string[]) => Promise<HeldRun>;
  /** The keys of runs that go on, and the content that they use. */
  readonly look: () => Promise<ReadonlySet<string>>;
}

const isMissing = (error: unknown): boolean => errorCode(error) === "ENOENT";

/** Opens what says which runs go on. @param directory the store's */
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
        // A failure leaves it as old as it is; the next round tries again.
        utimes(path, now, now).catch(() => {});
      };
      const timer = setInterval(renew, renewMilliseconds).unref();
      return {
        leave: () => clearInterval(timer),
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
