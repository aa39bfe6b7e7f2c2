/**
 * Uploads that dead processes left in the spool.
 *
 * @module
 */
import { randomUUID } from "node:crypto";
import { readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import type { Bucket } from "./bucket.ts";
import type { SpoolFolders } from "./spool-folders.ts";
import { parseFileName, resumeUpload, type Upload } from "./upload.ts";

/** The uploads that this process has taken over. */
export interface LeftBehind {
  /** Uploads that are not finished yet. */
  readonly uploads: () => readonly Upload[];
  /** Resolves when all uploads that were taken over are in the bucket. */
  readonly removed: () => Promise<unknown>;
  /** Stops taking over more. */
  readonly stop: () => Promise<void>;
}

/** The artifacts in a folder. */
async function sourcesIn(folder: string) {
  const sources = [];
  for (const name of await readdir(folder)) {
    const parsed = parseFileName(name);
    const path = join(folder, name);
    if (parsed) sources.push({ ...parsed, path, bytes: (await stat(path)).size });
  }
  return sources;
}

/** Takes over the folders of dead processes, now and at intervals. */
export async function takeUpLeftBehind(about: {
  readonly bucket: Bucket;
  readonly folders: SpoolFolders;
  readonly lookMilliseconds: number;
  /** Aborts the uploads; the files stay. */
  readonly signal: AbortSignal;
  readonly log: (line: string) => void;
}): Promise<LeftBehind> {
  const { bucket, folders, lookMilliseconds, signal, log } = about;
  const left = new Map<Upload, Promise<void>>();

  const bring = async (upload: Upload): Promise<void> => {
    await upload.done;
    await rm(upload.path, { force: true });
    left.delete(upload);
  };
  /** Takes over a folder. Returns its number of artifacts. */
  const takeUp = async (folder: string): Promise<number> => {
    const sources = await sourcesIn(folder);
    const brought = sources.map(({ bytes, ...source }) => {
      // Use a new name: a late request of the dead process may still arrive under the old one.
      const upload = resumeUpload(bucket, { ...source, writer: randomUUID() }, bytes, signal);
      const removed = bring(upload);
      left.set(upload, removed);
      return removed;
    });
    // `SpoolFolders.close` releases the folder if an upload is aborted.
    Promise.all(brought)
      .then(() => folders.release(folder))
      .catch(() => {});
    return sources.length;
  };
  const look = async (): Promise<void> => {
    let artifacts = 0;
    try {
      await folders.touch();
      for await (const folder of folders.takeAbandoned()) {
        artifacts += await takeUp(folder).catch(async (error) => {
          await folders.release(folder);
          throw error;
        });
      }
    } catch (error) {
      log(`what earlier processes have left cannot be taken up: ${error}`);
    }
    if (artifacts > 0) log(`${artifacts} artifacts of an earlier process are on their way into the bucket`);
  };

  await look();
  const stopped = new AbortController();
  const looks = (async () => {
    for (;;) {
      await wait(lookMilliseconds, undefined, { signal: stopped.signal, ref: false });
      await look();
    }
  })().catch(() => {});
  return {
    uploads: () => [...left.keys()],
    removed: () => Promise.all(left.values()),
    stop: async () => {
      stopped.abort();
      await looks;
    },
  };
}
