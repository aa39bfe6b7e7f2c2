import type { EventEmitter } from "node:events";
import { Writable } from "node:stream";
import { finished } from "node:stream/promises";
import { endOfCharacters } from "#core/text/utf8";
import type { LiveWindow } from "./contract.ts";

/** The newest output that a heartbeat can carry, of both streams together: a heartbeat is a write in Temporal's database. */
export const liveWindowBytes = 16 * 1024;

/** One stream of the code's output on its way into the store: counted, limited, its newest part kept for the living. */
export interface RecordedStream {
  /** Where the backend writes. */
  readonly sink: Writable;
  /** Bytes that were given to the store so far, those of an earlier worker included. */
  readonly bytes: () => number;
  /** Bytes that came so far, those of an earlier worker and those beyond the limit included. */
  readonly received: () => number;
  /** The newest bytes, at most so many. */
  readonly window: (maximum: number) => LiveWindow | undefined;
  /** Ends the stream; resolves when every byte is in the store. */
  readonly end: () => Promise<void>;
  /** Gives up a stream that the store has not taken yet: whoever waits for it gets this error. */
  readonly abandon: (error: Error) => void;
}

const nothing = Buffer.alloc(0);

/** Bytes without a character that the cut has split; text stays text. Bytes that are no text stay as they are. */
const wholeCharacters = (bytes: Buffer): Buffer => bytes.subarray(0, endOfCharacters(bytes) ?? bytes.length);

/**
 * Records one stream.
 *
 * @param target where the bytes go
 * @param stored how many bytes an earlier worker has stored already
 * @param limit how many bytes are let through; what comes after them is dropped, and `onLimit` is called once
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
      const kept = full
        ? nothing
        : chunk.length > limit - bytes
          ? wholeCharacters(chunk.subarray(0, limit - bytes))
          : chunk;
      if (full || kept.length < chunk.length) onLimit();
      if (kept.length === 0) return callback();
      // What comes after the first cut is dropped whole, also where it would fit into the rest of a split character.
      full ||= kept.length < chunk.length;
      bytes += kept.length;
      if (isFollowed) newest = Buffer.concat([newest, kept.subarray(-liveWindowBytes)]).subarray(-liveWindowBytes);
      output.emit("output");
      target.write(kept, (error) => callback(error));
    },
  });
  // Met again in `end`, where somebody waits for it.
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
      // Both are idle where all that came is stored: then nothing is lost.
      if (sink.writableLength === 0 && !target.writableLength && !sink.writableEnded) return;
      failure ??= error;
      sink.destroy(error);
      target.destroy(error);
    },
  };
}
