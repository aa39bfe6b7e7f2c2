/**
 * Text and bytes without node:buffer, so that core runs on any JavaScript runtime.
 *
 * @module
 */

const encoder = new TextEncoder();

/** Bytes in a non-shared ArrayBuffer, as Web Crypto requires. */
export type Bytes = Uint8Array<ArrayBuffer>;

/** Encodes text as UTF-8. */
export const utf8Bytes = (text: string): Bytes => encoder.encode(text);

/** The length of text in bytes of UTF-8. */
export const utf8Length = (text: string): number => encoder.encode(text).length;

/** Concatenates byte arrays. */
export function concatBytes(...parts: readonly Uint8Array[]): Bytes {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}

/** Encodes bytes as base64. */
export function toBase64(bytes: Uint8Array): string {
  // In chunks, because each byte becomes an argument of the call, and engines limit the number of arguments.
  const chunk = 0x2000;
  let binary = "";
  for (let offset = 0; offset < bytes.length; offset += chunk) {
    binary += String.fromCharCode(...bytes.subarray(offset, offset + chunk));
  }
  return btoa(binary);
}

/** Decodes base64. @throws DOMException if the text is not base64 */
export const fromBase64 = (text: string): Bytes => Uint8Array.from(atob(text), (character) => character.charCodeAt(0));

/** Decodes UTF-8 exactly, including a byte order mark; undefined if the bytes are not valid UTF-8. */
export function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
