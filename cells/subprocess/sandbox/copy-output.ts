import type { Socket } from "node:net";
import type { Writable } from "node:stream";

/** One output stream of the code, being copied to the store. */
export interface OutputCopy {
  /** Resolves when the stream has ended and all of it was stored; rejects if the store fails. */
  readonly ended: Promise<void>;
  /** Bytes read so far. */
  readonly bytes: () => number;
  /** Ends the copy once the stream is idle, for a stream that may never end by itself. The program has ended. */
  readonly endWhenQuiet: () => void;
  /** Ends the copy at once, with an error. */
  readonly abandon: (error: Error) => void;
}

/** How long a stream must be idle, in milliseconds. */
const quietMilliseconds = 2000;

/** Writes one chunk and waits until it is taken. Also rejects if the stream is destroyed while waiting. */
export function writeChunk(target: Writable, chunk: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    const closed = (): void => reject(target.errored ?? new Error("the stream of the store is closed"));
    if (target.destroyed) return closed();
    target.once("close", closed);
    target.write(chunk, (error) => {
      target.off("close", closed);
      if (error) reject(error);
      else resolve();
    });
  });
}

/**
 * Copies a stream chunk by chunk. Not with a pipeline, which never settles if its source is destroyed while its target
 * is blocked, and drops the data that it had read.
 */
export function copyOutput(source: Socket, target: Writable): OutputCopy {
  let bytes = 0;
  let isWriting = false;
  let quietSince = performance.now();
  let isQuiet = false;
  let looking: NodeJS.Timeout | undefined;
  const abandoned = Promise.withResolvers<never>();
  const copy = async (): Promise<void> => {
    try {
      for await (const chunk of source) {
        bytes += chunk.length;
        isWriting = true;
        await writeChunk(target, chunk);
        isWriting = false;
        quietSince = performance.now();
      }
    } catch (error) {
      if (!isQuiet) throw error;
    } finally {
      clearInterval(looking);
    }
  };
  const look = (): void => {
    if (isWriting || performance.now() - quietSince < quietMilliseconds) return;
    isQuiet = true;
    source.destroy();
  };
  return {
    ended: Promise.race([copy(), abandoned.promise]),
    bytes: () => bytes,
    endWhenQuiet: () => {
      looking ??= setInterval(look, quietMilliseconds / 4);
    },
    abandon: (error) => {
      source.destroy(error);
      abandoned.reject(error);
    },
  };
}
