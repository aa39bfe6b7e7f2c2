/**
 * The upload of one artifact to a bucket. It is written to a local file first. New bytes are uploaded as segments at
 * intervals, and the rest when the artifact is complete. Code therefore never waits for the bucket, and no output is
 * lost while the bucket is unavailable.
 *
 * @module
 */
import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import { Writable } from "node:stream";
import { setTimeout as wait } from "node:timers/promises";
import { createBackoff } from "../../host/backoff.ts";
import { namingFullDisk } from "../../host/disk-space.ts";
import type { Bucket } from "./bucket.ts";
import { segmentName } from "./segments.ts";

/**
 * The pause between two segments, in milliseconds. It is short at first, so that a person can follow the output. Later
 * it grows with the age of the artifact, so that a program that runs for a day makes hundreds of objects and not tens
 * of thousands.
 */
const firstPauseMilliseconds = 500;
const lastPauseMilliseconds = 10_000;
const pausePerAge = 1 / 50;

/** Back-off after failures, in milliseconds. */
const retryPauses = { first: 500, longest: 30_000 } as const;

/** An artifact's upload. */
export interface Upload {
  readonly reference: string;
  readonly path: string;
  /** The file's start offset in the artifact. */
  readonly offset: number;
  /** The file's present end offset in the artifact. */
  readonly end: () => number;
  /** Resolves when the whole file is in the bucket; rejects if the upload was aborted. */
  readonly done: Promise<void>;
  /** The last error; undefined after a success. */
  readonly failure: () => unknown;
}

/** An artifact that is still written. */
export interface WritableUpload extends Upload {
  readonly sink: Writable;
}

/** A local file with bytes of an artifact. */
export interface Source {
  readonly reference: string;
  readonly path: string;
  readonly offset: number;
  /** A UUID in the names of the segments. It stays the same across retries. */
  readonly writer: string;
}

/** The name of an artifact's file in a spool. */
export const fileName = ({ reference, offset, writer }: Omit<Source, "path">): string =>
  `${reference.replaceAll("/", "_")}_${offset}_${writer}`;

/** Parses such a name; undefined for other files. */
export function parseFileName(name: string): Omit<Source, "path"> | undefined {
  const [, key, artifact, offset, writer] = /^runs_([0-9a-f]{32})_([0-9a-z.]+)_(\d+)_([0-9a-f-]{36})$/.exec(name) ?? [];
  return writer === undefined ? undefined : { reference: `runs/${key}/${artifact}`, offset: Number(offset), writer };
}

/**
 * Starts to upload a file's bytes as they are written.
 *
 * @param signal aborts the upload; the file stays
 */
function follow(bucket: Bucket, source: Source, state: { written: number; complete: boolean }, signal: AbortSignal) {
  const { reference, path, offset, writer } = source;
  const began = Date.now();
  let uploaded = 0;
  let failure: unknown;
  const backoff = createBackoff(retryPauses);
  let wake = (): void => {};
  /** Waits; ends early when the artifact is complete. */
  const pause = async (milliseconds: number): Promise<void> => {
    const hurry = new AbortController();
    wake = () => hurry.abort();
    await wait(milliseconds, undefined, { signal: AbortSignal.any([signal, hurry.signal]) }).catch(() => {});
    wake = () => {};
  };
  const run = async (): Promise<void> => {
    for (;;) {
      signal.throwIfAborted();
      const { written, complete } = state;
      if (written > uploaded) {
        try {
          const content = createReadStream(path, { start: uploaded, end: written - 1 });
          await bucket.put(segmentName(reference, offset + uploaded, writer), content);
          uploaded = written;
          failure = undefined;
          backoff.reset();
        } catch (error) {
          failure = error;
          await backoff.pause(signal);
          continue;
        }
      } else if (complete) {
        return;
      }
      if (!state.complete) {
        const age = Date.now() - began;
        await pause(Math.min(Math.max(firstPauseMilliseconds, age * pausePerAge), lastPauseMilliseconds));
      }
    }
  };
  const done = run();
  // The spool's `settle` and `close` handle the rejection.
  done.catch(() => {});
  return { ...source, done, failure: () => failure, end: () => offset + state.written, complete: () => wake() };
}

/** Uploads a file that an earlier process left. */
export function resumeUpload(bucket: Bucket, source: Source, bytes: number, signal: AbortSignal): Upload {
  return follow(bucket, source, { written: bytes, complete: true }, signal);
}

/** Opens an artifact for writing. Its file is created with the first byte. */
export function beginUpload(bucket: Bucket, source: Source, signal: AbortSignal): WritableUpload {
  const state = { written: 0, complete: false };
  const upload = follow(bucket, source, state, signal);
  let file: Awaited<ReturnType<typeof open>> | undefined;
  const append = async (bytes: Buffer): Promise<void> => {
    if (!file) {
      file = await open(source.path, "wx", 0o600);
      // The umask may have removed the owner's rights.
      await file.chmod(0o600);
    }
    await file.appendFile(bytes);
    state.written += bytes.length;
  };
  const complete = async (): Promise<void> => {
    await file?.close();
    state.complete = true;
    upload.complete();
  };
  const settle = (work: Promise<void>, callback: (error?: Error | null) => void): void => {
    work.then(
      () => callback(),
      (error: Error) => callback(namingFullDisk(error, "the spool of the artifact store cannot be written")),
    );
  };
  const sink = new Writable({
    highWaterMark: 1024 * 1024,
    write: (chunk: Buffer, _encoding, callback) => settle(append(chunk), callback),
    writev: (chunks, callback) => settle(append(Buffer.concat(chunks.map(({ chunk }) => chunk as Buffer))), callback),
    final: (callback) => settle(complete(), callback),
    destroy: (error, callback) =>
      settle(
        // No more bytes will come. Upload what is there.
        state.complete ? Promise.resolve() : complete(),
        (failed) => callback(error ?? failed ?? null),
      ),
  });
  return { ...upload, sink };
}
