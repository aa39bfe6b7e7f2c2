/**
 * What dead processes have left in the spool, on its way into the bucket.
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

/** What is taken up while a process runs. */
export interface LeftBehind {
  /** What is not in the bucket yet. */
  readonly uploads: () => readonly Upload[];
  /** Resolves when all that was taken up is in the bucket. */
  readonly removed: () => Promise<unknown>;
  /** Takes up no more. */
  readonly stop: () => Promise<void>;
}

/** Takes up what nobody owns any more, now and from time to time. */
export async function takeUpLeftBehind(about: {
  readonly bucket: Bucket;
  readonly folders: SpoolFolders;
  readonly lookMilliseconds: number;
  /** Gives it up; the files stay. */
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
  /** Returns of how many artifacts a folder has something. */
  const takeUp = async (folder: string): Promise<number> => {
    const sources = [];
    for (const name of await readdir(folder)) {
      const parsed = parseFileName(name);
      const path = join(folder, name);
      if (parsed) sources.push({ ...parsed, path, bytes: (await stat(path)).size });
    }
    const brought = sources.map(({ bytes, ...source }) => {
      // Under a name of its own: what the dead one had sent last may arrive after it.
      const upload = resumeUpload(bucket, { ...source, writer: randomUUID() }, bytes, signal);
      const removed = bring(upload);
      left.set(upload, removed);
      return removed;
    });
    // What is given up is told at the end.
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
