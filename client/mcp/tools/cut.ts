import { decodeUtf8 } from "#core/text/bytes";
import { endOfCharacters, startOfCharacters } from "#core/text/utf8";

/** A piece of output as it is handed out. */
interface Piece {
  readonly bytes: Uint8Array;
  /** How many bytes at its beginning belong to a character that begins before it. */
  readonly skipped: number;
  readonly isText: boolean;
}

/**
 * Takes whole characters of a piece of a stream where it is text; what is no text stays as it is.
 *
 * @param isEnd whether nothing comes after it: a character that is not complete then never will be
 */
export function cutBetweenCharacters(bytes: Uint8Array, isEnd: boolean): Piece {
  const skipped = startOfCharacters(bytes);
  const rest = bytes.subarray(skipped);
  const whole = isEnd ? rest : rest.subarray(0, endOfCharacters(rest) ?? rest.length);
  // A piece shorter than one character would be read again and again.
  const isStuck = whole.length === 0 && bytes.length >= 4;
  return decodeUtf8(whole) === undefined || isStuck
    ? { bytes, skipped: 0, isText: false }
    : { bytes: whole, skipped, isText: true };
}
