import type { StreamResult } from "#core/contract/result";
import { decodeUtf8 } from "#core/text/bytes";
import { endOfCharacters, startOfCharacters } from "#core/text/utf8";
import { remainingOutput } from "../sdk/output/event.ts";

/** How many bytes of a stream a model is shown at once: half from its start, half from its end. */
export const excerptBytes = 16 * 1024;

/** The beginning and the end of a stream, cut between characters if it is text. */
export interface Excerpt {
  readonly head: Uint8Array;
  /** Empty if the head is the whole stream. */
  readonly tail: Uint8Array;
  /** The length of the whole stream. */
  readonly bytes: number;
  /** Bytes between head and tail. */
  readonly omitted: number;
  /** Whether both parts are UTF-8. */
  readonly isText: boolean;
}

/** Takes an excerpt of a stream of a result. */
export function excerptOf(stream: StreamResult, budget = excerptBytes): Excerpt {
  const { bytes } = stream;
  const parts = [...remainingOutput("stdout", 0, stream)].flatMap((event) => (event.type === "output" ? [event] : []));
  const [first, last] = [parts[0], parts.at(-1)];
  if (!first || !last) return { head: new Uint8Array(), tail: new Uint8Array(), bytes, omitted: bytes, isText: true };
  if (first.bytes.length === bytes && bytes <= budget) {
    return {
      head: first.bytes,
      tail: new Uint8Array(),
      bytes,
      omitted: 0,
      isText: decodeUtf8(first.bytes) !== undefined,
    };
  }
  const half = Math.floor(budget / 2);
  const begin = first.offset === 0 ? first.bytes.subarray(0, half) : new Uint8Array();
  const rest = bytes - begin.length;
  const end = last.bytes.subarray(-Math.min(half, rest, last.bytes.length));
  const head = begin.subarray(0, endOfCharacters(begin) ?? begin.length);
  const textTail = end.subarray(startOfCharacters(end));
  const isText = endOfCharacters(begin) !== undefined && decodeUtf8(textTail) !== undefined;
  const tail = isText ? textTail : end;
  return { head, tail, bytes, omitted: bytes - head.length - tail.length, isText };
}

/** Decodes bytes as text. Invalid UTF-8 is replaced. */
export const asText = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

/** Encodes bytes for JSON. */
export const encode = (bytes: Uint8Array, isText: boolean): string =>
  isText ? asText(bytes) : Buffer.from(bytes).toString("base64");
