/**
 * What people are shown of a request's code: its first lines. Anything can be in a request that nobody has checked yet.
 *
 * @module
 */

/** How much of a first line is shown, in UTF-16 units. */
export const maximumTitle = 100;
const maximumLines = 12;
const maximumLine = 120;

/** Code as lines, without the blank ones before it. */
function linesOf(code: string): string[] {
  const lines = code.split(/\r\n|\n|\r/);
  const first = lines.findIndex((line) => line.trim() !== "");
  return first < 0 ? [] : lines.slice(first);
}

/** Characters that move what stands beside them, or that nobody sees. */
const invisible = /[\p{Cc}\p{Bidi_Control}\p{Zl}\p{Zp}]/gu;

/** Text on one line, where nothing in it acts on what stands beside it; at most so many UTF-16 units. */
export const oneLine = (text: string, maximum: number): string =>
  (text.length > maximum ? `${text.slice(0, maximum - 1)}…` : text)
    .replaceAll(invisible, (character) => (/\s/.test(character) ? " " : "\u{fffd}"))
    .toWellFormed();

/** The code of a request, or words on why there is none to show. */
function codeOf(request: unknown): { code: string } | { words: string } {
  if (typeof request !== "object" || request === null) return { words: "(no code)" };
  const { code, entrypoint }: { code?: unknown; entrypoint?: unknown } = request;
  if (typeof code === "string") return { code };
  if (typeof code === "object" && code !== null) {
    return { words: "artifact" in code ? "(code from the artifact store)" : "(bytes)" };
  }
  return typeof entrypoint === "string" ? { code: entrypoint } : { words: "(no code)" };
}

/** The first line of a request's code that is not blank, or its entry point; at most 100 UTF-16 units. */
export function titleOf(request: unknown): string {
  const found = codeOf(request);
  if ("words" in found) return found.words;
  return oneLine((linesOf(found.code)[0] ?? "(no code)").trim(), maximumTitle);
}

/** The first lines of a request's code, each shortened where it is long, and how many were left out. */
export function excerptOf(request: unknown): { lines: string[]; more: number } {
  const found = codeOf(request);
  if ("words" in found) return { lines: [found.words], more: 0 };
  const lines = linesOf(found.code.trimEnd());
  return {
    lines: lines.slice(0, maximumLines).map((line) => oneLine(line.replaceAll("\t", "    "), maximumLine)),
    more: Math.max(0, lines.length - maximumLines),
  };
}
