/**
 * The artifacts of this process on their way into a bucket, and those that an earlier process has left behind.
 *
 * @module
 */
import { randomUUID } from "node:crypto";
import { mkdir, readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Writable } from "node:stream";
import { setTimeout as wait } from "node:timers/promises";
import { checkReference, keyOf } from "../references.ts";
import type { Bucket } from "./bucket.ts";
import { beginUpload, resumeUpload, type Upload } from "./upload.ts";

/** How a spool is opened. */
export interface SpoolSettings {
  /** No other process may use it at the same time. */
  readonly directory: string;
  /**
   * How long a run's end waits for its last bytes to reach the bucket, and the end of a process for those of all runs, in
   * milliseconds.
   *
   * @default 10 s: a bucket that is there takes 64 MiB in less
   */
  readonly patienceMilliseconds?: number;
  /** Told when something takes long. */
  readonly log?: (line: string) => void;
}

/** The artifacts on their way. */
export interface Spool {
  readonly write: (reference: string, offset: number) => Writable;
  /** What of a run is here. */
  readonly uploadsOf: (key: string) => readonly Upload[];
  /** @returns null when all of a run is in the bucket, or why it is not */
  readonly settle: (key: string) => Promise<string | null>;
  readonly close: () => Promise<void>;
}

const fileName = (reference: string, offset: number): string =>
  `${reference.replaceAll("/", "_")}_${offset}_${randomUUID()}`;

/** What a file's name says; undefined for a file that is none of ours. */
function parseFileName(name: string): { reference: string; offset: number } | undefined {
  const [, folder, key, artifact, offset] = /^(runs)_([0-9a-f]{32})_([0-9a-z.]+)_(\d+)_[0-9a-f-]{36}$/.exec(name) ?? [];
  return folder === undefined ? undefined : { reference: `${folder}/${key}/${artifact}`, offset: Number(offset) };
}

/** Opens the folder of artifacts on their way, and goes on with those that are there. */
export async function openSpool(
  bucket: Bucket,
  { directory, patienceMilliseconds = 10_000, log = () => {} }: SpoolSettings,
): Promise<Spool> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
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

  /** What an earlier process has left; not among the runs of this one: where one is gone on with, its beginning counts as the bucket has it. */
  const left: { readonly upload: Upload; readonly removed: Promise<void> }[] = [];
  for (const name of await readdir(directory)) {
    const parsed = parseFileName(name);
    if (!parsed) continue;
    const path = join(directory, name);
    const upload = resumeUpload(bucket, { ...parsed, path }, (await stat(path)).size, giveUp.signal);
    const removed = removeWhenDone(keyOf(parsed.reference), [upload]);
    removed.catch(() => {});
    left.push({ upload, removed });
  }
  if (left.length > 0) log(`${left.length} artifacts of an earlier process are on their way into the bucket`);

  return {
    write: (reference, offset) => {
      const path = join(directory, fileName(checkReference(reference), offset));
      const upload = beginUpload(bucket, { reference, path, offset }, giveUp.signal);
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
      const all = [...runs.values()].flatMap((uploads) => [...uploads]);
      const patience = new AbortController();
      await Promise.race([
        Promise.all([allIn(all), ...left.map(({ removed }) => removed)]),
        wait(patienceMilliseconds, undefined, { signal: patience.signal }).catch(() => {}),
      ]).catch(() => {});
      patience.abort();
      giveUp.abort(new Error("the worker has ended"));
      const unfinished = [...all, ...left.map(({ upload }) => upload)].filter(
        (upload) => upload.failure() !== undefined,
      ).length;
      if (unfinished > 0) log(`${unfinished} artifacts are not in the bucket; the next worker here goes on with them`);
    },
  };
}
