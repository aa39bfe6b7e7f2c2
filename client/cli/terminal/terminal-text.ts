import { styleText } from "node:util";
import stringWidth from "string-width";
import { printableJson } from "#core/text/printable-json";

/** How wide the terminal is; undefined where there is none, and nothing has to fit. */
export const terminalWidth = (): number | undefined =>
  process.stdout.isTTY ? Math.max(process.stdout.columns || 80, 20) : undefined;

/** Colours, where the stream is a terminal that shows them and nobody has said NO_COLOR. */
export const colour = (format: "bold" | "dim" | "green" | "red" | "yellow" | "cyan", text: string): string =>
  styleText(format, text, { stream: process.stdout });

/** Text of others on one line of a terminal: nothing in it moves the cursor or changes a colour. */
export const plain = (text: string): string =>
  text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, (part) => (part.includes("\t") ? " " : "\u{fffd}"));

/** What `colour` writes, and nothing else that begins with an escape character. */
const ownColours = new RegExp(`(${String.fromCharCode(27)}\\[(?:1|2|22|31|32|33|36|39)m)`);

/** Text of several lines, with colours of ours; all else in it is as {@link plain} leaves it. */
export const printable = (text: string): string =>
  text
    .split("\n")
    .map((line) =>
      line
        .split(ownColours)
        .map((part, index) => (index % 2 === 1 ? part : plain(part)))
        .join(""),
    )
    .join("\n");

const indentation = " ".repeat(8);

/** Words of ours in which others' may stand, without colours. A second line is indented, so that none passes for the first line of a message. */
export const paragraph = (text: string): string =>
  text
    .split("\n")
    .map((line, index) => (index === 0 || line.startsWith(indentation) ? plain(line) : indentation + plain(line)))
    .join("\n");

/** A value as JSON that a terminal shows as it is. */
export const jsonText = (value: unknown, indent?: number): string => printableJson(JSON.stringify(value, null, indent));

/** How many columns a text takes. */
export const width = (text: string): number => stringWidth(text);

/** Shortens a text to a number of columns, at a whole character. */
export function shorten(text: string, columns: number): string {
  if (width(text) <= columns) return text;
  let short = "";
  for (const { segment } of new Intl.Segmenter().segment(text)) {
    if (width(short + segment) > columns - 1) break;
    short += segment;
  }
  return columns < 1 ? "" : `${short}…`;
}

/** Fills a text up to a number of columns. */
export const pad = (text: string, columns: number): string => text + " ".repeat(Math.max(0, columns - width(text)));
