import { isUtf8 } from "node:buffer";

/** Maximum length of a line: what a request can carry as base64, plus its other fields. */
export const maximumLineBytes = 400 * 1024 * 1024;

/** One line of a file. */
export interface Line {
  /** The first line is 1. */
  readonly number: number;
  /** Null if its bytes are not UTF-8 or it is too long. */
  readonly text: string | null;
  /** Why there is no text. */
  readonly fault: "encoding" | "length" | null;
}

function lineOf(number: number, bytes: Buffer): Line {
  if (!isUtf8(bytes)) return { number, text: null, fault: "encoding" };
  return { number, text: new TextDecoder().decode(bytes), fault: null };
}

/**
 * Yields the lines of a stream. Only `
 * ` ends a line: `node:readline` also splits at U+2028 and U+2029, which JSON allows within a string.
 *
 * @param maximumBytes maximum length of a line; reading ends at a longer one
 */
export async function* linesOf(stream: AsyncIterable<Buffer>, maximumBytes = maximumLineBytes): AsyncGenerator<Line> {
  let number = 1;
  let parts: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of stream) {
    let start = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, start)) {
      yield lineOf(number, Buffer.concat([...parts, chunk.subarray(start, end)]));
      number += 1;
      parts = [];
      bytes = 0;
      start = end + 1;
    }
    const rest = chunk.subarray(start);
    bytes += rest.length;
    if (bytes > maximumBytes) {
      yield { number, text: null, fault: "length" };
      return;
    }
    if (rest.length > 0) parts.push(rest);
  }
  if (bytes > 0) yield lineOf(number, Buffer.concat(parts));
}
