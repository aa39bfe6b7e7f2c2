import { decodeUtf8 } from "#core/text/bytes";
import { endOfCharacters, startOfCharacters } from "#core/text/utf8";

/** A piece of output as it is returned. */
interface Piece {
  readonly bytes: Uint8Array;
  /** How many bytes at its start belong to a character that starts before it. */
  readonly skipped: number;
  readonly isText: boolean;
}

/**
 * Cuts a piece of a stream at whole characters if it is text. Other pieces are unchanged.
 *
 * @param isEnd whether the stream ends here, so that an incomplete character stays incomplete
 */
export function cutBetweenCharacters(bytes: Uint8Array, isEnd: boolean): Piece {
  const skipped = startOfCharacters(bytes);
  const rest = bytes.subarray(skipped);
  const whole = isEnd ? rest : rest.subarray(0, endOfCharacters(rest) ?? rest.length);
  // If nothing were returned, the reader would request the same piece again and again.
  const isStuck = whole.length === 0 && bytes.length >= 4;
  return decodeUtf8(whole) === undefined || isStuck
    ? { bytes, skipped: 0, isText: false }
    : { bytes: whole, skipped, isText: true };
}
