/**
 * Fits output streams into a result, within a budget of bytes after JSON escaping: byte-exact if they fit, otherwise
 * head, marker and tail.
 *
 * @module
 */

import type { StreamResult } from "../contract/result.ts";
import { concatBytes, decodeUtf8, toBase64, utf8Bytes } from "./bytes.ts";
import { endOfCharacters, fitHead, fitTail, startOfCharacters } from "./utf8.ts";

/**
 * The budget of both streams of a result together, in bytes of JSON. The serialised result is limited to 1 MiB; the
 * difference is for the rest of it (files, isolation, reasons).
 */
export const defaultStreamBudget = 900 * 1024;

/**
 * Up to this length, in bytes, a caller reads a stream whole. A longer one, with its quotes, cannot fit the default
 * budget.
 */
export const maximumWholeBytes = defaultStreamBudget - 2;
/** The bytes that a caller reads at each end of a longer stream. The default budget never needs more. */
export const maximumSliceBytes = defaultStreamBudget / 2 + 16;

/**
 * The part of a stream that the caller has read: all of it in `head`, or its two ends. Ends that meet or overlap are
 * the whole stream.
 */
export interface StreamSample {
  /** The first bytes. */
  readonly head: Uint8Array;
  /** The last bytes; empty if `head` is the whole stream. */
  readonly tail: Uint8Array;
  /** The length of the whole stream. */
  readonly bytes: number;
}

/** The part of a stream's result that follows from its bytes; the caller adds `sha256` and `ref`. */
export type BoundedStream = Omit<StreamResult, "sha256" | "ref">;

/** The bytes of the quotes around a JSON string. */
const quotes = 2;

const base64Length = (bytes: number): number => 4 * Math.ceil(bytes / 3);

const marker = (omitted: number): string => `\n[... ${omitted} bytes left out ...]\n`;

/** The maximum size of the marker, in bytes of JSON: each of its two newlines takes two bytes. */
const markerRoom = (bytes: number): number => marker(bytes).length + 2;

/** The whole stream, if head and tail cover it; otherwise undefined. */
function wholeOf({ head, tail, bytes }: StreamSample): Uint8Array | undefined {
  if (head.length + tail.length < bytes) return undefined;
  return tail.length === 0 ? head : concatBytes(head, tail.subarray(head.length + tail.length - bytes));
}

/** The two ends without characters split by the cuts; undefined if they are not valid UTF-8. */
function textEnds({ head, tail }: StreamSample): { head: Uint8Array; tail: Uint8Array } | undefined {
  const end = endOfCharacters(head);
  const last = tail.subarray(startOfCharacters(tail));
  return end === undefined || decodeUtf8(last) === undefined ? undefined : { head: head.subarray(0, end), tail: last };
}

/** Head, marker and tail of text. */
function cutText(ends: { head: Uint8Array; tail: Uint8Array }, bytes: number, budget: number): BoundedStream {
  const room = budget - quotes - markerRoom(bytes);
  const { length: head, used } = fitHead(ends.head, room / 2);
  const tail = fitTail(ends.tail, room - used);
  const first = decodeUtf8(ends.head.subarray(0, head)) ?? "";
  const last = decodeUtf8(ends.tail.subarray(ends.tail.length - tail)) ?? "";
  const text = room < 0 ? "" : `${first}${marker(bytes - head - tail)}${last}`;
  return { text, encoding: "utf-8", truncated: true, head, tail, bytes };
}

/** Head, marker and tail of bytes, encoded together as base64. */
function cutBytes(sample: StreamSample, budget: number): BoundedStream {
  const { bytes } = sample;
  const room = Math.floor((budget - quotes) / 4) * 3 - marker(bytes).length;
  const head = Math.max(0, Math.min(sample.head.length, Math.floor(room / 2)));
  const tail = Math.max(0, Math.min(sample.tail.length, room - head));
  const mark = utf8Bytes(marker(bytes - head - tail));
  const parts = [sample.head.subarray(0, head), mark, sample.tail.subarray(sample.tail.length - tail)];
  const text = room < 0 ? "" : toBase64(concatBytes(...parts));
  return { text, encoding: "base64", truncated: true, head, tail, bytes };
}

/** The size of the untruncated stream in bytes of JSON; infinite if the sample does not cover it. */
function wholeLength(sample: StreamSample): number {
  const whole = wholeOf(sample);
  if (!whole) return Number.POSITIVE_INFINITY;
  if (decodeUtf8(whole) === undefined) return quotes + base64Length(whole.length);
  return quotes + fitHead(whole, Number.POSITIVE_INFINITY).used;
}

/**
 * Fits a stream into a budget of bytes of JSON (quotes included).
 *
 * The returned `head` and `tail` are the numbers of stream bytes in `text` before and after the marker. A client
 * continues reading at offset `head`. A stream that is valid UTF-8 is cut between characters and returned as text, any
 * other as base64. If the sample does not cover the whole stream, only its two ends are checked for valid UTF-8.
 */
export function boundStream(sample: StreamSample, budget: number): BoundedStream {
  const whole = wholeOf(sample);
  const { bytes } = sample;
  if (!whole) {
    const ends = textEnds(sample);
    return ends ? cutText(ends, bytes, budget) : cutBytes(sample, budget);
  }
  const text = decodeUtf8(whole);
  if (wholeLength(sample) <= budget) {
    return text === undefined
      ? { text: toBase64(whole), encoding: "base64", truncated: false, bytes }
      : { text, encoding: "utf-8", truncated: false, bytes };
  }
  const ends = { head: whole, tail: whole };
  return text === undefined ? cutBytes({ ...ends, bytes }, budget) : cutText(ends, bytes, budget);
}

/**
 * Divides one budget between the two streams of a result. Each gets at least half, plus what the other does not need.
 *
 * @param budget bytes of JSON for both texts
 */
export function boundStreams(
  samples: { readonly stdout: StreamSample; readonly stderr: StreamSample },
  budget = defaultStreamBudget,
): { stdout: BoundedStream; stderr: BoundedStream } {
  const half = Math.floor(budget / 2);
  const share = (other: StreamSample): number => Math.max(half, budget - wholeLength(other));
  return {
    stdout: boundStream(samples.stdout, share(samples.stderr)),
    stderr: boundStream(samples.stderr, share(samples.stdout)),
  };
}
