/** The front matter of a Markdown file: the lines between a first line `---` and the next line `---`. */
export interface FrontMatter {
  /** The lines between, with their line ends. The first one is line 2 of the file. */
  readonly yaml: string;
  /** The Markdown below, with `\n` as line ends and without empty lines around it. */
  readonly body: string;
}

const byteOrderMark = "\u{feff}";
const fence = /^---[ \t]*$/;

/**
 * Splits a file. A byte order mark is skipped. Lines end with `\n` or `\r\n`.
 *
 * @returns undefined if the first line is not `---`, so that the file has no front matter; `unclosed` if the second
 *   `---` is missing
 */
export function splitFrontMatter(text: string): FrontMatter | "unclosed" | undefined {
  const lines = (text.startsWith(byteOrderMark) ? text.slice(1) : text).split("\n");
  const isFence = (line: string): boolean => fence.test(line.endsWith("\r") ? line.slice(0, -1) : line);
  if (!isFence(lines[0] ?? "")) return undefined;
  const end = lines.findIndex((line, index) => index > 0 && isFence(line));
  if (end === -1) return "unclosed";
  const body = lines
    .slice(end + 1)
    .join("\n")
    .replaceAll("\r\n", "\n");
  return {
    yaml: lines
      .slice(1, end)
      .map((line) => `${line}\n`)
      .join(""),
    body: body.replace(/^(?:[ \t]*\n)+/, "").trimEnd(),
  };
}
