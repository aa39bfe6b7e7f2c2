/**
 * Cuts UTF-8 between characters, and computes its size within a JSON string.
 *
 * @module
 */

/** The size of one byte of UTF-8 within a JSON string, in bytes. */
function escapedLength(byte: number): number {
  if (byte === 0x22 || byte === 0x5c) return 2;
  if (byte >= 0x20) return 1;
  return byte === 0x08 || byte === 0x09 || byte === 0x0a || byte === 0x0c || byte === 0x0d ? 2 : 6;
}

const isContinuation = (byte: number | undefined): boolean => byte !== undefined && (byte & 0xc0) === 0x80;

/** The length in bytes of the UTF-8 character that begins with this byte. */
function characterLength(byte: number): number {
  if (byte < 0x80) return 1;
  if (byte < 0xe0) return 2;
  return byte < 0xf0 ? 3 : 4;
}

/** The length of a text's head without an incomplete last character; undefined if it is not valid UTF-8. */
export function endOfCharacters(head: Uint8Array): number | undefined {
  try {
    // With `stream`, an incomplete last character is not an error.
    new TextDecoder("utf-8", { fatal: true }).decode(head, { stream: true });
  } catch {
    return undefined;
  }
  let start = head.length - 1;
  while (isContinuation(head[start])) start--;
  const first = head[start];
  return first !== undefined && start + characterLength(first) > head.length ? start : head.length;
}

/** The offset of the first whole character of a text's tail: skips at most three bytes of an incomplete one. */
export function startOfCharacters(tail: Uint8Array): number {
  let start = 0;
  while (start < 3 && isContinuation(tail[start])) start++;
  return start;
}

/**
 * The number of leading bytes, in whole characters, that fit into `room` bytes of JSON, and the bytes of JSON they use.
 */
export function fitHead(text: Uint8Array, room: number): { length: number; used: number } {
  let length = 0;
  let used = 0;
  while (length < text.length) {
    const first = text[length] ?? 0;
    const size = characterLength(first);
    const cost = size === 1 ? escapedLength(first) : size;
    if (used + cost > room) break;
    length += size;
    used += cost;
  }
  return { length, used };
}

/** The number of trailing bytes, in whole characters, that fit into `room` bytes of JSON. */
export function fitTail(text: Uint8Array, room: number): number {
  let start = text.length;
  let used = 0;
  while (start > 0) {
    let first = start - 1;
    while (isContinuation(text[first])) first--;
    used += start - first === 1 ? escapedLength(text[first] ?? 0) : start - first;
    if (used > room) break;
    start = first;
  }
  return text.length - start;
}
