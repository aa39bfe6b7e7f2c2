/**
 * The artifacts of this process on their way into a bucket, and those that dead processes have left behind.
 *
 * @module
 */
import { createHash, randomUUID } from "node:crypto";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { Writable } from "node:stream";
import { setTimeout as wait } from "node:timers/promises";
import { checkReference, keyOf } from "../references.ts";
import type { Bucket } from "./bucket.ts";
import { takeUpLeftBehind } from "./left-behind.ts";
import { openSpoolFolders } from "./spool-folders.ts";
import { beginUpload, fileName, type Upload } from "./upload.ts";

/** How a spool is opened. */
export interface SpoolSettings {
  /** Any number of processes may use it at the same time: each has a folder of its own in it, and takes up those of dead ones. */
  readonly directory: string;
  /**
   * How long a run's end waits for its last bytes to reach the bucket, and the end of a process for those of all runs, in
   * milliseconds.
   *
   * @default 10 s: a bucket that is there takes 64 MiB in less
   */
  readonly patienceMilliseconds?: number;
  /**
   * How often to look for what dead processes have left, and to show a sign of life, in milliseconds. Processes of another machine or
   * container, which cannot be seen from here, count as dead after fifteen times as long without one: file servers show changes late.
   *
   * @default 20 s
   */
  readonly lookMilliseconds?: number;
  /** Told when something takes long. */
  readonly log?: (line: string) => void;
}

/** After so many looks without a sign of life a process that cannot be seen counts as dead. */
const silentLooks = 15;

/** The artifacts on their way. */
export interface Spool {
  readonly write: (reference: string, offset: number) => Writable;
  /** What of a run is here. */
  readonly uploadsOf: (key: string) => readonly Upload[];
  /** @returns null when all of a run is in the bucket, or why it is not */
  readonly settle: (key: string) => Promise<string | null>;
  readonly close: () => Promise<void>;
}

/**
 * Opens the spool of a bucket, and goes on with what dead processes have left there, now and from time to time.
 *
 * @param storeId the id of the store in the bucket: what is meant for one bucket must not get into another
 */
export async function openSpool(
  bucket: Bucket,
  storeId: string,
  { directory, patienceMilliseconds = 10_000, lookMilliseconds = 20_000, log = () => {} }: SpoolSettings,
): Promise<Spool> {
  const ofStore = join(directory, createHash("sha256").update(storeId).digest("hex").slice(0, 16));
  const folders = await openSpoolFolders(ofStore, silentLooks);
  const folder = await folders.make();
  const runs = new Map<string, Set<Upload>>();
  const giveUp = new AbortController();

  const forget = (key: string, uploads: Iterable<Upload>): void => {
    for (const upload of uploads) runs.get(key)?.delete(upload);
    if (runs.get(key)?.size === 0) runs.delete(key);
  };
  const allIn = (uploads: Iterable<Upload>): Promise<unknown> => Promise.all([...uploads].map(({ done }) => done));
  /** Lets go of a run's files when all is in the bucket. */
  const removeWhenDone = async (key: string, uploads: readonly Upload[]): Promise<void> => {
    await allIn(uploads);
    forget(key, uploads);
    await Promise.all(uploads.map(({ path }) => rm(path, { force: true })));
  };
  const know = (upload: Upload): void => {
    const key = keyOf(upload.reference);
    runs.set(key, (runs.get(key) ?? new Set()).add(upload));
  };

  // Not among the runs of this process: where one is gone on with, its beginning counts as the bucket has it.
  const left = await takeUpLeftBehind({ bucket, folders, lookMilliseconds, signal: giveUp.signal, log });

  return {
    write: (reference, offset) => {
      const about = { reference: checkReference(reference), offset, writer: randomUUID() };
      const upload = beginUpload(bucket, { ...about, path: join(folder, fileName(about)) }, giveUp.signal);
      know(upload);
      return upload.sink;
    },
    uploadsOf: (key) => [...(runs.get(key) ?? [])],
    settle: async (key) => {
      const uploads = [...(runs.get(key) ?? [])];
      const removed = removeWhenDone(key, uploads).then(() => null);
      removed.catch(() => {});
      const patience = new AbortController();
      const late = wait(patienceMilliseconds, undefined, { signal: patience.signal }).then(() => {
        const failure = uploads.map((upload) => upload.failure()).find((one) => one !== undefined);
        const why = failure instanceof Error ? failure.message || failure.name : "it takes long";
        return `${uploads.length} artifacts of this run are not in the bucket yet, and go on being tried: ${why}`;
      });
      late.catch(() => {});
      try {
        return await Promise.race([removed, late]);
      } finally {
        patience.abort();
      }
    },
    close: async () => {
      await left.stop();
      const all = [...runs].flatMap(([key, uploads]) => [...uploads].map((upload) => ({ key, upload })));
      const unfinished = [...all.map(({ upload }) => upload), ...left.uploads()];
      const patience = new AbortController();
      await Promise.race([
        Promise.all([left.removed(), ...all.map(({ key, upload }) => removeWhenDone(key, [upload]))]),
        wait(patienceMilliseconds, undefined, { signal: patience.signal }).catch(() => {}),
      ]).catch(() => {});
      patience.abort();
      giveUp.abort(new Error("the worker has ended"));
      const failed = unfinished.filter((upload) => upload.failure() !== undefined).length;
      if (failed > 0) log(`${failed} artifacts are not in the bucket; the next worker here goes on with them`);
      await folders.close();
    },
  };
}
