import { Readable } from "node:stream";

/** Reads words that end with a byte, and then the rest, from one stream. */
export interface ControlReader {
  /** The text before the next such byte; undefined at the end of the stream, or where the text grows too long. */
  readonly until: (delimiter: number, longest?: number) => Promise<string | undefined>;
  /** Some of the next bytes, at most so many; undefined at the end of the stream. */
  readonly some: (most: number) => Promise<Buffer | undefined>;
  /** What is left, as a stream. */
  readonly rest: () => Readable;
  /** Whether the stream has ended: nothing more comes, and nobody waits to send more. */
  readonly isOver: () => boolean;
}

/** Reads the control stream. What comes from it was written by the code, for all we know: every length is bounded. */
export function controlReader(stream: Readable): ControlReader {
  const chunks: AsyncIterator<Buffer> = stream.iterator({ destroyOnReturn: false });
  let pending: Buffer = Buffer.alloc(0);
  let over = false;
  const next = async (): Promise<Buffer | undefined> => {
    const result = await chunks.next().catch(() => undefined);
    over = result === undefined || result.done === true;
    return result === undefined || result.done === true ? undefined : result.value;
  };
  return {
    until: async (delimiter, longest = 4096) => {
      for (;;) {
        const index = pending.indexOf(delimiter);
        if (index !== -1) {
          const text = pending.toString("utf8", 0, index);
          pending = pending.subarray(index + 1);
          return text;
        }
        const chunk = pending.length > longest ? undefined : await next();
        if (chunk === undefined) return undefined;
        pending = Buffer.concat([pending, chunk]);
      }
    },
    some: async (most) => {
      if (pending.length === 0) pending = (await next()) ?? pending;
      if (pending.length === 0) return undefined;
      const part = pending.subarray(0, most);
      pending = pending.subarray(part.length);
      return part;
    },
    rest: () =>
      Readable.from(
        (async function* () {
          if (pending.length > 0) yield pending;
          for (let chunk = await next(); chunk !== undefined; chunk = await next()) yield chunk;
        })(),
        { objectMode: false },
      ),
    isOver: () => over,
  };
}
