import type { EventEmitter } from "node:events";
import { Writable } from "node:stream";
import { finished } from "node:stream/promises";
import { endOfCharacters } from "#core/text/utf8";
import type { LiveWindow } from "./contract.ts";

/**
 * The maximum live output in a heartbeat, both streams together, in bytes. Each heartbeat is a write to Temporal's
 * database.
 */
export const liveWindowBytes = 16 * 1024;

/**
 * Writes one output stream of the code to the store. Counts and limits it, and keeps its newest part for live output.
 */
export interface RecordedStream {
  /** The stream that the backend writes to. */
  readonly sink: Writable;
  /** Bytes passed to the store so far, including those of an earlier worker. */
  readonly bytes: () => number;
  /** Bytes received so far, including those of an earlier worker and those beyond the limit. */
  readonly received: () => number;
  /** The newest bytes, at most `maximum`; undefined if there are none. */
  readonly window: (maximum: number) => LiveWindow | undefined;
  /** Ends the stream. Resolves when every byte is in the store. */
  readonly end: () => Promise<void>;
  /** Destroys a stream that is not completely stored: a pending `end` rejects with this error. */
  readonly abandon: (error: Error) => void;
}

const nothing = Buffer.alloc(0);

/** Drops an incomplete last character, so that truncated text stays valid UTF-8. Other bytes are returned unchanged. */
const wholeCharacters = (bytes: Buffer): Buffer => bytes.subarray(0, endOfCharacters(bytes) ?? bytes.length);

/** At most `maximum` bytes of a chunk, without an incomplete last character if it has to be truncated. */
const firstBytes = (chunk: Buffer, maximum: number): Buffer =>
  chunk.length > maximum ? wholeCharacters(chunk.subarray(0, maximum)) : chunk;

/**
 * Records one stream.
 *
 * @param target the destination of the bytes
 * @param stored the number of bytes that an earlier worker has stored
 * @param limit the maximum number of bytes passed through; later ones are dropped
 * @param onLimit called for each chunk that is dropped or truncated
 * @param output emits `output` whenever something was written
 * @param isFollowed whether the newest bytes are kept for {@link RecordedStream.window}
 */
export function recordStream(
  target: Writable,
  stored: number,
  limit: number,
  onLimit: () => void,
  output: EventEmitter,
  isFollowed = true,
): RecordedStream {
  let bytes = stored;
  let received = stored;
  let newest = Buffer.alloc(0);
  let full = false;
  let failure: Error | undefined;
  target.on("error", (error) => {
    failure ??= error;
  });
  const sink = new Writable({
    write(chunk: Buffer, _encoding, callback) {
      received += chunk.length;
      const kept = full ? nothing : firstBytes(chunk, limit - bytes);
      if (full || kept.length < chunk.length) onLimit();
      if (kept.length === 0) return callback();
      // After the first truncation everything is dropped, even bytes that would fit in place of the incomplete
      // character.
      full ||= kept.length < chunk.length;
      bytes += kept.length;
      if (isFollowed) newest = Buffer.concat([newest, kept.subarray(-liveWindowBytes)]).subarray(-liveWindowBytes);
      output.emit("output");
      target.write(kept, (error) => callback(error));
    },
  });
  // `end` throws the error.
  sink.on("error", (error) => {
    failure ??= error;
  });
  return {
    sink,
    bytes: () => bytes,
    received: () => received,
    window: (maximum) => {
      if (newest.length === 0 || maximum <= 0) return undefined;
      const part = newest.subarray(-maximum);
      return { offset: bytes - part.length, base64: part.toString("base64") };
    },
    end: async () => {
      if (failure) throw failure;
      sink.end();
      await finished(sink);
      target.end();
      await finished(target);
      if (failure) throw failure;
    },
    abandon: (error) => {
      // Do nothing if both are idle: everything received is stored.
      if (sink.writableLength === 0 && !target.writableLength && !sink.writableEnded) return;
      failure ??= error;
      sink.destroy(error);
      target.destroy(error);
    },
  };
}
