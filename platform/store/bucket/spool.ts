/**
 * The artifacts of this process during their upload, and those that dead processes left in the spool.
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

/** Settings of a spool. */
export interface SpoolSettings {
  /** Processes can share it: each has its own folder in it, and takes over folders of dead processes. */
  readonly directory: string;
  /**
   * How long to wait for the last uploads, in milliseconds: at the end of a run for its own, at the end of the process
   * for those of all runs.
   *
   * @default 10 s: a reachable bucket takes 64 MiB in less
   */
  readonly patienceMilliseconds?: number;
  /**
   * How often to look for folders of dead processes and to send a heartbeat, in milliseconds. A process of another
   * machine or container, which cannot be seen from here, counts as dead after fifteen intervals without a heartbeat.
   * The margin covers file servers that show changes late.
   *
   * @default 20 s
   */
  readonly lookMilliseconds?: number;
  /** Called with messages about slow or failed uploads. */
  readonly log?: (line: string) => void;
}

/** A process that cannot be seen from here counts as dead after this many checks without a heartbeat. */
const silentLooks = 15;

/** The artifacts in the spool. */
export interface Spool {
  readonly write: (reference: string, offset: number) => Writable;
  /** The uploads of a run. */
  readonly uploadsOf: (key: string) => readonly Upload[];
  /** @returns null if all artifacts of a run are in the bucket, or why they are not */
  readonly settle: (key: string) => Promise<string | null>;
  readonly close: () => Promise<void>;
}

/** Waits until uploads are in the bucket. Returns null if they are in time, and otherwise why they are not. */
async function awaitUploads(
  milliseconds: number,
  done: Promise<void>,
  uploads: readonly Upload[],
): Promise<string | null> {
  const patience = new AbortController();
  const late = wait(milliseconds, undefined, { signal: patience.signal }).then(() => {
    const failure = uploads.map((upload) => upload.failure()).find((one) => one !== undefined);
    const why = failure instanceof Error ? failure.message || failure.name : "it takes long";
    return `${uploads.length} artifacts of this run are not in the bucket yet, and go on being tried: ${why}`;
  });
  late.catch(() => {});
  try {
    return await Promise.race([done.then(() => null), late]);
  } finally {
    patience.abort();
  }
}

/**
 * Opens the spool of a bucket. Takes over uploads of dead processes, now and at intervals.
 *
 * @param storeId the id of the store in the bucket, so that content for one bucket does not get into another
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
  /** Removes a run's files once they are in the bucket. */
  const removeWhenDone = async (key: string, uploads: readonly Upload[]): Promise<void> => {
    await allIn(uploads);
    forget(key, uploads);
    await Promise.all(uploads.map(({ path }) => rm(path, { force: true })));
  };
  const know = (upload: Upload): void => {
    const key = keyOf(upload.reference);
    runs.set(key, (runs.get(key) ?? new Set()).add(upload));
  };

  // Kept out of `runs`: if a run is continued here, its earlier part is read from the bucket.
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
      const removed = removeWhenDone(key, uploads);
      removed.catch(() => {});
      return awaitUploads(patienceMilliseconds, removed, uploads);
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
