import type { StreamResult } from "#core/contract/result";
import type { StreamName } from "#platform/store/references";

/** A piece of the code's output, or a statement that bytes are not to be had. Within a stream, offsets only grow. */
export type OutputEvent =
  | { readonly type: "output"; readonly stream: StreamName; readonly offset: number; readonly bytes: Uint8Array }
  | {
      readonly type: "omitted";
      readonly stream: StreamName;
      readonly offset: number;
      /** How many bytes are left out here. */
      readonly length: number;
    };

/** The bytes of a stream's `text`. A truncated one has a head, a marker and a tail: see {@link remainingOutput}. */
function bytesOf(result: StreamResult): Buffer {
  return Buffer.from(result.text, result.encoding === "base64" ? "base64" : "utf8");
}

/** What a result still adds to a stream that was followed up to an offset: nothing is lost or doubled at the end. */
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
