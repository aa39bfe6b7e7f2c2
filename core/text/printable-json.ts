/** The C1 controls, of which terminals execute some, what turns the direction of text, and what some programs take for the end of a line. */
const unprintable = /[\u007f-\u009f\p{Bidi_Control}\p{Zl}\p{Zp}]/gu;

/** JSON with escapes for what acts on a terminal or ends a line; `JSON.stringify` has them for characters below U+0020 only. It means the same. */
export const printableJson = (json: string): string =>
  json.replaceAll(unprintable, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);
