import type { Socket } from "node:net";
import type { Writable } from "node:stream";
import { type OutputCopy, writeChunk } from "../sandbox/copy-output.ts";

/** In how many turns of the event loop, in each of which it reads what is there, a pipe must bring nothing. */
const emptyTurns = 3;

/**
 * The most that a pipe can hold at the end of a program: Linux allows code no larger pipe by default, in bytes. What
 * comes beyond that was written later, by a process that never pauses.
 */
const mostInPipe = 1024 * 1024;
/**
 * In how many reads all that is read. A read takes 64 KiB or what is there, so 16 would do: one that takes less has
 * emptied the pipe.
 */
const mostReads = 64;

/** How much of the output after the end of a program is read, in bytes a second: its writers are slowed down to it. */
const droppedPerSecond = 1024 * 1024;
/** The shortest pause between two of those reads, in milliseconds. */
const shortestPause = 10;

/**
 * Reads and drops what a pipe brings until it is closed, so slowly that it costs the worker nothing to speak of. Keeps
 * no process alive.
 */
function dropSlowly(source: Socket): void {
  source.unref();
  source.on("data", (chunk: Buffer) => {
    source.pause();
    const pause = Math.max(shortestPause, (chunk.length * 1000) / droppedPerSecond);
    setTimeout(() => source.resume(), pause).unref();
  });
  source.resume();
}

/**
 * Copies the output of a program whose pipe other processes may hold open after its end. All that the program has
 * written is in the pipe then, so that the copy ends when the pipe is empty, or when as much was read as it can hold.
 * What comes later is read slowly and dropped until the pipe is closed: it belongs to no program, and nobody may be
 * killed by SIGPIPE for it.
 */
export function copyUntilEmpty(source: Socket, target: Writable): OutputCopy {
  const { promise: ended, resolve, reject } = Promise.withResolvers<void>();
  let bytes = 0;
  let chunks = 0;
  /** Where the copy ends at the latest; undefined while the program runs. */
  let last: { readonly bytes: number; chunks: number } | undefined;
  let isDropping = false;
  /** Pending while a chunk is on its way to the target. */
  let written: Promise<void> | undefined;
  const drop = (): void => {
    if (isDropping) return;
    isDropping = true;
    source.off("data", onData);
    dropSlowly(source);
  };
  const isComplete = (): boolean => last !== undefined && (bytes >= last.bytes || chunks >= last.chunks);
  const onData = (chunk: Buffer): void => {
    bytes += chunk.length;
    chunks += 1;
    source.pause();
    const taken = (): void => {
      written = undefined;
      if (isComplete()) {
        drop();
        resolve();
      } else source.resume();
    };
    const failed = (error: unknown): void => {
      drop();
      reject(error);
    };
    written = writeChunk(target, chunk).then(taken, failed);
  };
  const endWhenEmpty = (turns: number, before: number): void => {
    if (isDropping) return;
    if (written !== undefined) void written.then(() => setImmediate(endWhenEmpty, emptyTurns, chunks));
    else if (chunks !== before || source.readableLength > 0) setImmediate(endWhenEmpty, emptyTurns, chunks);
    else if (turns > 0) setImmediate(endWhenEmpty, turns - 1, chunks);
    else {
      drop();
      resolve();
    }
  };
  source.on("data", onData);
  source.once("close", () => void (written ?? Promise.resolve()).then(resolve));
  return {
    ended,
    bytes: () => bytes,
    endWhenQuiet: () => {
      // What was read before, and waits, may be in many small pieces.
      const waiting = source.readableLength;
      last ??= { bytes: bytes + waiting + mostInPipe, chunks: chunks + waiting + mostReads };
      endWhenEmpty(emptyTurns, chunks);
    },
    abandon: (error) => {
      source.destroy(error);
      reject(error);
    },
  };
}
