/**
 * How an artifact is stored in a bucket, where objects cannot be appended to. It consists of segments: objects named
 * after the offset of their first byte and their writer. Segments of two writers may overlap. Nothing is lost, because
 * no writer overwrites another's objects.
 *
 * @module
 */

/** A segment of an artifact. */
export interface Segment {
  readonly offset: number;
  readonly bytes: number;
}

/** A segment in a bucket. */
export interface StoredSegment extends Segment {
  /** The name of the object. */
  readonly name: string;
}

/** Zero-padding to this width makes the order of names the order of offsets. */
const digits = 16;

/**
 * The object name of an artifact's segment.
 *
 * @param writer a UUID
 */
export const segmentName = (reference: string, offset: number, writer: string): string =>
  `${reference}/${String(offset).padStart(digits, "0")}-${writer}`;

/** The artifact and offset in an object name; undefined if it is not a segment's. */
export function parseSegmentName(name: string): { reference: string; offset: number } | undefined {
  const [, reference, offset] = /^(.+)\/(\d{16})-[0-9a-f-]{36}$/.exec(name) ?? [];
  return reference === undefined ? undefined : { reference, offset: Number(offset) };
}

/** A part of a segment to read. */
export interface Piece<Of extends Segment> {
  /** The segment. `start` and `end` are offsets in the artifact, like the segment's own. */
  readonly segment: Of;
  readonly start: number;
  readonly end: number;
}

/** The fewest pieces that cover the bytes from `start` to `end`. The sequence ends early at a gap. */
export function* piecesOf<Of extends Segment>(
  segments: readonly Of[],
  start: number,
  end: number,
): Generator<Piece<Of>> {
  const endOf = ({ offset, bytes }: Segment): number => offset + bytes;
  // Visit each segment once: followers read repeatedly, and there may be thousands.
  const sorted = [...segments].sort((one, other) => one.offset - other.offset);
  let index = 0;
  let best: Of | undefined;
  for (let position = start; position < end; ) {
    for (let next = sorted[index]; next && next.offset <= position; next = sorted[index]) {
      if (!best || endOf(next) > endOf(best)) best = next;
      index += 1;
    }
    if (!best || endOf(best) <= position) return;
    const pieceEnd = Math.min(endOf(best), end);
    yield { segment: best, start: position, end: pieceEnd };
    position = pieceEnd;
  }
}

/** The length of an artifact from its beginning to the first gap. */
export function lengthOf(segments: readonly Segment[]): number {
  let length = 0;
  for (const { end } of piecesOf(segments, 0, Number.POSITIVE_INFINITY)) length = end;
  return length;
}
