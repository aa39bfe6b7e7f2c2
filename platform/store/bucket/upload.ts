/**
 * One artifact on its way into a bucket: written to a file of this machine first, whose new bytes go up as a segment from time to
 * time while they come, and to the end when the artifact is complete. So code never waits for a bucket, and none of its output is
 * lost where the bucket is away.
 *
 * @module
 */
import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import { Writable } from "node:stream";
import { setTimeout as wait } from "node:timers/promises";
import { namingFullDisk } from "../../host/disk-space.ts";
import type { Bucket } from "./bucket.ts";
import { segmentName } from "./segments.ts";

/**
 * The pause between two segments: at first short, so that a person can follow; later in proportion to the age, so that a program
 * that talks for a day becomes hundreds of objects and not tens of thousands.
 */
const firstPauseMilliseconds = 500;
const lastPauseMilliseconds = 10_000;
const pausePerAge = 1 / 50;

/** After a failure it is tried again after so long, then after twice as long, and so on. */
const firstRetryMilliseconds = 500;
const lastRetryMilliseconds = 30_000;

/** An artifact on its way. */
export interface Upload {
  readonly reference: string;
  readonly path: string;
  /** Where in the artifact the file begins. */
  readonly offset: number;
  /** Where in the artifact the file ends now. */
  readonly end: () => number;
  /** Resolves when all of it is in the bucket; rejects where this was given up. */
  readonly done: Promise<void>;
  /** The newest failure, where nothing has succeeded since. */
  readonly failure: () => unknown;
}

/** An artifact that is being written. */
export interface WritableUpload extends Upload {
  readonly sink: Writable;
}

/** A file with bytes of an artifact. */
export interface Source {
  readonly reference: string;
  readonly path: string;
  readonly offset: number;
  /** A UUID that names the file's segments; the same when it is gone on with. */
  readonly writer: string;
}

/** The name of an artifact's file in a spool. */
export const fileName = ({ reference, offset, writer }: Omit<Source, "path">): string =>
  `${reference.replaceAll("/", "_")}_${offset}_${writer}`;

/** What such a name says; undefined for a file that is none of ours. */
export function parseFileName(name: string): Omit<Source, "path"> | undefined {
  const [, key, artifact, offset, writer] = /^runs_([0-9a-f]{32})_([0-9a-z.]+)_(\d+)_([0-9a-f-]{36})$/.exec(name) ?? [];
  return writer === undefined ? undefined : { reference: `runs/${key}/${artifact}`, offset: Number(offset), writer };
}

/**
 * Begins to bring a file's bytes into a bucket as they come.
 *
 * @param signal gives it up; the file stays
 */
function follow(bucket: Bucket, source: Source, state: { written: number; complete: boolean }, signal: AbortSignal) {
  const { reference, path, offset, writer } = source;
  const began = Date.now();
  let uploaded = 0;
  let failure: unknown;
  let retryMilliseconds = firstRetryMilliseconds;
  let wake = (): void => {};
  /** Waits, but not when the artifact is complete. */
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
          retryMilliseconds = firstRetryMilliseconds;
        } catch (error) {
          failure = error;
          await wait(retryMilliseconds, undefined, { signal });
          retryMilliseconds = Math.min(2 * retryMilliseconds, lastRetryMilliseconds);
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
  // Heard where the run is settled.
  done.catch(() => {});
  return { ...source, done, failure: () => failure, end: () => offset + state.written, complete: () => wake() };
}

/** Brings a file that an earlier process has left into a bucket. */
export function resumeUpload(bucket: Bucket, source: Source, bytes: number, signal: AbortSignal): Upload {
  return follow(bucket, source, { written: bytes, complete: true }, signal);
}

/** Opens an artifact to be written; its file comes into being with the first byte. */
export function beginUpload(bucket: Bucket, source: Source, signal: AbortSignal): WritableUpload {
  const state = { written: 0, complete: false };
  const upload = follow(bucket, source, state, signal);
  let file: Awaited<ReturnType<typeof open>> | undefined;
  const append = async (bytes: Buffer): Promise<void> => {
    if (!file) {
      file = await open(source.path, "wx", 0o600);
      // Also where the umask takes rights from the owner.
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
        // Nothing more comes: what there is goes up.
        state.complete ? Promise.resolve() : complete(),
        (failed) => callback(error ?? failed ?? null),
      ),
  });
  return { ...upload, sink };
}
