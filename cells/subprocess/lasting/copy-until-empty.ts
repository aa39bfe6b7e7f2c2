import type { Socket } from "node:net";
import type { Writable } from "node:stream";
import { type OutputCopy, writeChunk } from "../sandbox/copy-output.ts";

/** In how many turns of the event loop, in each of which it reads what is there, a pipe must bring nothing. */
const emptyTurns = 3;

/**
 * Copies the output of a program whose pipe other processes may hold open after its end. All that the program has
 * written is in the pipe then, so that the copy ends when the pipe is empty. What comes later is read and dropped until
 * the pipe is closed: it belongs to no program, and nobody may be killed by SIGPIPE for it.
 */
export function copyUntilEmpty(source: Socket, target: Writable): OutputCopy {
  const { promise: ended, resolve, reject } = Promise.withResolvers<void>();
  let bytes = 0;
  let chunks = 0;
  /** Pending while a chunk is on its way to the target. */
  let written: Promise<void> | undefined;
  const drop = (): void => {
    source.off("data", onData);
    source.unref();
    source.resume();
  };
  const onData = (chunk: Buffer): void => {
    bytes += chunk.length;
    chunks += 1;
    source.pause();
    const taken = (): void => {
      written = undefined;
      source.resume();
    };
    const failed = (error: unknown): void => {
      drop();
      reject(error);
    };
    written = writeChunk(target, chunk).then(taken, failed);
  };
  const endWhenEmpty = (turns: number, before: number): void => {
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
    endWhenQuiet: () => endWhenEmpty(emptyTurns, chunks),
    abandon: (error) => {
      source.destroy(error);
      reject(error);
    },
  };
}
