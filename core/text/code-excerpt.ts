/**
 * The first lines of a request's code, for display. The request is not validated.
 *
 * @module
 */

/** The maximum length of a title, in UTF-16 units. */
export const maximumTitle = 100;
const maximumLines = 12;
const maximumLine = 120;

/** The lines of code, without leading blank lines. */
function linesOf(code: string): string[] {
  const lines = code.split(/\r\n|\n|\r/);
  const first = lines.findIndex((line) => line.trim() !== "");
  return first < 0 ? [] : lines.slice(first);
}

/** Control characters, bidirectional controls, and line and paragraph separators. */
const invisible = /[\p{Cc}\p{Bidi_Control}\p{Zl}\p{Zp}]/gu;

/** Text on one line of at most `maximum` UTF-16 units, with control characters replaced. */
export const oneLine = (text: string, maximum: number): string =>
  (text.length > maximum ? `${text.slice(0, maximum - 1)}…` : text)
    .replaceAll(invisible, (character) => (/\s/.test(character) ? " " : "\u{fffd}"))
    .toWellFormed();

/** The code of a request, or a text that says why there is none to show. */
function codeOf(request: unknown): { code: string } | { words: string } {
  if (typeof request !== "object" || request === null) return { words: "(no code)" };
  const { code, entrypoint }: { code?: unknown; entrypoint?: unknown } = request;
  if (typeof code === "string") return { code };
  if (typeof code === "object" && code !== null) {
    return { words: "artifact" in code ? "(code from the artifact store)" : "(bytes)" };
  }
  return typeof entrypoint === "string" ? { code: entrypoint } : { words: "(no code)" };
}

/** The first non-blank line of a request's code, or its entrypoint; at most 100 UTF-16 units. */
export function titleOf(request: unknown): string {
  const found = codeOf(request);
  if ("words" in found) return found.words;
  return oneLine((linesOf(found.code)[0] ?? "(no code)").trim(), maximumTitle);
}

/** The first lines of a request's code, each shortened if long, and the number of lines left out. */
export function excerptOf(request: unknown): { lines: string[]; more: number } {
  const found = codeOf(request);
  if ("words" in found) return { lines: [found.words], more: 0 };
  const lines = linesOf(found.code.trimEnd());
  return {
    lines: lines.slice(0, maximumLines).map((line) => oneLine(line.replaceAll("\t", "    "), maximumLine)),
    more: Math.max(0, lines.length - maximumLines),
  };
}
