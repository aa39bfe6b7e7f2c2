import type { StreamResult } from "#core/contract/result";
import type { StreamName } from "#platform/store/references";

/** A piece of the code's output, or a notice that bytes are not available. Offsets of a stream only grow. */
export type OutputEvent =
  | { readonly type: "output"; readonly stream: StreamName; readonly offset: number; readonly bytes: Uint8Array }
  | {
      readonly type: "omitted";
      readonly stream: StreamName;
      readonly offset: number;
      /** The number of omitted bytes. */
      readonly length: number;
    };

/** The bytes of a stream's `text`. Truncated text has a head, a marker and a tail: see {@link remainingOutput}. */
function bytesOf(result: StreamResult): Buffer {
  return Buffer.from(result.text, result.encoding === "base64" ? "base64" : "utf8");
}

/**
 * The rest of a stream after an offset, from the result. Together with the output before, nothing is lost or repeated.
 */
export function* remainingOutput(stream: StreamName, offset: number, result: StreamResult): Generator<OutputEvent> {
  if (offset >= result.bytes) return;
  const text = bytesOf(result);
  if (!result.truncated) {
    yield { type: "output", stream, offset, bytes: text.subarray(offset) };
    return;
  }
  const head = result.head ?? 0;
  const tail = result.tail ?? 0;
  if (offset < head) yield { type: "output", stream, offset, bytes: text.subarray(offset, head) };
  const from = Math.max(offset, head);
  const tailStart = result.bytes - tail;
  if (from < tailStart) yield { type: "omitted", stream, offset: from, length: tailStart - from };
  const rest = text.subarray(text.length - tail).subarray(Math.max(0, offset - tailStart));
  yield { type: "output", stream, offset: Math.max(offset, tailStart), bytes: rest };
}
