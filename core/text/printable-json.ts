/**
 * DEL and the C1 controls, some of which terminals execute, bidirectional controls, and separators that some programs
 * read as newlines.
 */
const unprintable = /[\u007f-\u009f\p{Bidi_Control}\p{Zl}\p{Zp}]/gu;

/**
 * Escapes characters in JSON that affect a terminal or end a line. `JSON.stringify` escapes only those below U+0020.
 * The parsed value is unchanged.
 */
export const printableJson = (json: string): string =>
  json.replaceAll(unprintable, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);
