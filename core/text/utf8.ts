/**
 * Cutting UTF-8 between characters, and what it costs within a JSON string.
 *
 * @module
 */

/** The bytes that one byte of UTF-8 takes within a JSON string. */
function escapedLength(byte: number): number {
  if (byte === 0x22 || byte === 0x5c) return 2;
  if (byte >= 0x20) return 1;
  return byte === 0x08 || byte === 0x09 || byte === 0x0a || byte === 0x0c || byte === 0x0d ? 2 : 6;
}

const isContinuation = (byte: number | undefined): boolean => byte !== undefined && (byte & 0xc0) === 0x80;

/** The bytes that the UTF-8 character beginning with this byte has. */
const characterLength = (byte: number): number => (byte < 0x80 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4);

/** The length of the head of a text without a character that its end has cut; undefined where it is no such head. */
export function endOfCharacters(head: Uint8Array): number | undefined {
  try {
    // In a stream, a character that is not complete yet is no fault.
    new TextDecoder("utf-8", { fatal: true }).decode(head, { stream: true });
  } catch {
    return undefined;
  }
  let start = head.length - 1;
  while (isContinuation(head[start])) start--;
  const first = head[start];
  return first !== undefined && start + characterLength(first) > head.length ? start : head.length;
}

/** The offset of the tail's first character: at most three bytes of one that its beginning has cut come before. */
export function startOfCharacters(tail: Uint8Array): number {
  let start = 0;
  while (start < 3 && isContinuation(tail[start])) start++;
  return start;
}

/** How many of the first bytes fit into the room, in whole characters, and the room that they take. */
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

/** How many of the last bytes fit into the room, in whole characters. */
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
