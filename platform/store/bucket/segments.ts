/**
 * How an artifact lies in a bucket, where nothing can be appended to an object: as segments, objects that are named after the offset
 * of their first byte and after who writes them. Segments may overlap, where two wrote the same bytes; of neither anything is lost, since
 * no writer puts an object in the place of another's.
 *
 * @module
 */

/** A segment of an artifact. */
export interface Segment {
  readonly offset: number;
  readonly bytes: number;
}

/** A segment as it lies in a bucket. */
export interface StoredSegment extends Segment {
  /** The object's. */
  readonly name: string;
}

/** As many digits as offsets can have, so that the order of the names is that of the offsets. */
const digits = 16;

/**
 * The object's name of a segment of an artifact.
 *
 * @param writer a UUID
 */
export const segmentName = (reference: string, offset: number, writer: string): string =>
  `${reference}/${String(offset).padStart(digits, "0")}-${writer}`;

/** The artifact and the offset that an object's name says; undefined where it is no segment's. */
export function parseSegmentName(name: string): { reference: string; offset: number } | undefined {
  const [, reference, offset] = /^(.+)\/(\d{16})-[0-9a-f-]{36}$/.exec(name) ?? [];
  return reference === undefined ? undefined : { reference, offset: Number(offset) };
}

/** A piece of a segment to be read. */
export interface Piece<Of extends Segment> {
  /** The segment's own offset. */
  readonly segment: Of;
  readonly start: number;
  readonly end: number;
}

/** Which pieces cover the bytes from `start` to `end`, as few as can be; it ends early where bytes are missing. */
export function* piecesOf<Of extends Segment>(
  segments: readonly Of[],
  start: number,
  end: number,
): Generator<Piece<Of>> {
  const endOf = ({ offset, bytes }: Segment): number => offset + bytes;
  // Each is looked at once: a follower asks again and again, and there may be thousands.
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

/** How far an artifact can be read from its beginning without a gap. */
export function lengthOf(segments: readonly Segment[]): number {
  let length = 0;
  for (const { end } of piecesOf(segments, 0, Number.POSITIVE_INFINITY)) length = end;
  return length;
}
