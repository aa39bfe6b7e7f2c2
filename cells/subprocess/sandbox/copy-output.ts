import type { Socket } from "node:net";
import type { Writable } from "node:stream";

/** One stream of the code's output on its way to the store. */
export interface OutputCopy {
  /** Resolves at the end of the stream, when all of it was taken; rejects where the store does not take it. */
  readonly ended: Promise<void>;
  /** Bytes that were read so far. */
  readonly bytes: () => number;
  /** Ends it once nothing has come for a while: for a stream that may never end by itself. */
  readonly endWhenQuiet: () => void;
  /** Ends it at once, with an error. */
  readonly abandon: (error: Error) => void;
}

/** How long nothing must have come, in milliseconds. */
const quietMilliseconds = 2000;

/** Writes one piece and waits until it was taken. A stream that is destroyed meanwhile rejects it too. */
function write(target: Writable, chunk: Buffer): Promise<void> {
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
 * Copies a stream piece by piece. Not a pipeline: that one never settles when its source is destroyed while its target takes
 * nothing, and drops what it had read already.
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
        await write(target, chunk);
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
