/**
 * Output streams as the result carries them: within a budget of bytes after JSON escaping, byte-exact where they fit,
 * otherwise head, marker, tail.
 *
 * @module
 */

import type { StreamResult } from "../contract/result.ts";
import { concatBytes, decodeUtf8, toBase64, utf8Bytes } from "./bytes.ts";
import { endOfCharacters, fitHead, fitTail, startOfCharacters } from "./utf8.ts";

/**
 * What both streams of a result may take together, in bytes of JSON. The serialised result is bounded at 1 MiB; the rest of
 * it (files, isolation, reasons) has the difference.
 */
export const defaultStreamBudget = 900 * 1024;

/** A stream of at most so many bytes is handed over whole: a longer one, with its quotes, cannot fit the default budget. */
export const maximumWholeBytes = defaultStreamBudget - 2;
/** Of a longer stream, more than so many bytes at either end are never used with the default budget. */
export const maximumSliceBytes = defaultStreamBudget / 2 + 16;

/**
 * What the caller has read of a stream: all of it in `head`, or its two ends. Ends that meet or overlap make it whole.
 */
export interface StreamSample {
  /** The first bytes. */
  readonly head: Uint8Array;
  /** The last bytes; empty where `head` is all. */
  readonly tail: Uint8Array;
  /** The length of the whole stream. */
  readonly bytes: number;
}

/** The part of a stream's result that follows from its bytes; the caller adds `sha256` and `ref`. */
export type BoundedStream = Omit<StreamResult, "sha256" | "ref">;

/** The bytes that JSON.stringify puts around a text. */
const quotes = 2;

const base64Length = (bytes: number): number => 4 * Math.ceil(bytes / 3);

const marker = (omitted: number): string => `\n[... ${omitted} bytes left out ...]\n`;

/** The room that the marker takes at most, in bytes of JSON: each of its two newlines takes two. */
const markerRoom = (bytes: number): number => marker(bytes).length + 2;

/** All of the stream, where head and tail together are all. */
function wholeOf({ head, tail, bytes }: StreamSample): Uint8Array | undefined {
  if (head.length + tail.length < bytes) return undefined;
  return tail.length === 0 ? head : concatBytes(head, tail.subarray(head.length + tail.length - bytes));
}

/** The two ends where they are text, without the characters that the cuts have split; undefined where they are not. */
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

/** Head, marker and tail of bytes, as one base64: what it decodes to reads as cut text does. */
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

/** The bytes of JSON that a stream takes where nothing is left out; infinite where the sample has not all of it. */
function wholeLength(sample: StreamSample): number {
  const whole = wholeOf(sample);
  if (!whole) return Number.POSITIVE_INFINITY;
  if (decodeUtf8(whole) === undefined) return quotes + base64Length(whole.length);
  return quotes + fitHead(whole, Number.POSITIVE_INFINITY).used;
}

/**
 * Turns a stream into what the result says of it, within a budget of bytes of JSON (quotes included).
 *
 * `head` and `tail` of what comes back are how many bytes of the stream stand in `text` before and after the marker: a
 * client goes on reading at offset `head`. A stream that is valid UTF-8 is cut between characters, and comes back as text;
 * any other comes back as base64. Of a stream that was not handed over whole only the two ends are judged: invalid bytes
 * between them do not show, since they are left out.
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
 * Shares one budget between the two streams of a result: each gets at least half, and what one does not need goes to the
 * other.
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
