/**
 * Lists and reads the segments that an artifact has in a bucket.
 *
 * @module
 */
import type { Bucket } from "./bucket.ts";
import { parseSegmentName, piecesOf, type StoredSegment } from "./segments.ts";

/** The segments of a run's artifacts. */
export async function segmentsOf(bucket: Bucket, prefix: string): Promise<Map<string, StoredSegment[]>> {
  const found = new Map<string, StoredSegment[]>();
  for await (const { name, bytes } of bucket.list(prefix)) {
    const parsed = parseSegmentName(name);
    if (!parsed) continue;
    const segments = found.get(parsed.reference) ?? [];
    segments.push({ name, offset: parsed.offset, bytes });
    found.set(parsed.reference, segments);
  }
  return found;
}

/**
 * Reads bytes of an artifact from its segments.
 *
 * @param listed the segments of the last listing. They are listed again only if these do not cover the range
 */
export async function* readSegments(
  bucket: Bucket,
  reference: string,
  listed: readonly StoredSegment[],
  start: number,
  end: number,
): AsyncGenerator<Buffer> {
  let pieces = [...piecesOf(listed, start, end)];
  if (pieces.at(-1)?.end !== end) {
    const segments = (await segmentsOf(bucket, `${reference}/`)).get(reference) ?? [];
    pieces = [...piecesOf(segments, start, end)];
  }
  let position = start;
  for (const piece of pieces) {
    const { name, offset, bytes } = piece.segment;
    const whole = piece.start === offset && piece.end === offset + bytes;
    const range = { start: piece.start - offset, end: piece.end - offset };
    const content = await bucket.get(name, whole ? undefined : range);
    if (!content) break;
    for await (const chunk of content) {
      // The segment may have been replaced by a longer one, from the remains of a dead worker. Read no further than the
      // piece.
      const part = (chunk as Buffer).subarray(0, piece.end - position);
      if (part.length === 0) break;
      yield part;
      position += part.length;
    }
    if (position < piece.end) break;
  }
  if (position < end) throw new Error(`${reference} has no byte ${position}`);
}
