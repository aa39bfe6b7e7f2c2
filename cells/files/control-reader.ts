import { Readable } from "node:stream";

/** Reads delimited words, and then the rest, from one stream. */
export interface ControlReader {
  /** Reads the text before the next delimiter; undefined at the end of the stream, or if the text exceeds `longest`. */
  readonly until: (delimiter: number, longest?: number) => Promise<string | undefined>;
  /** Reads some of the next bytes, at most `most`; undefined at the end of the stream. */
  readonly some: (most: number) => Promise<Buffer | undefined>;
  /** The remaining bytes, as a stream. */
  readonly rest: () => Readable;
  /** Whether the stream has ended, so that its sender is not blocked on sending more. */
  readonly isOver: () => boolean;
}

/** Creates a reader of the control stream. The code may have written its data, so all lengths are bounded. */
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
      const parts: Buffer[] = [];
      let length = 0;
      for (;;) {
        const index = pending.indexOf(delimiter);
        if (index !== -1) {
          const text = Buffer.concat([...parts, pending.subarray(0, index)]).toString("utf8");
          pending = pending.subarray(index + 1);
          return text;
        }
        length += pending.length;
        const chunk = length > longest ? undefined : await next();
        if (chunk === undefined) {
          pending = Buffer.concat([...parts, pending]);
          return undefined;
        }
        parts.push(pending);
        pending = chunk;
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
