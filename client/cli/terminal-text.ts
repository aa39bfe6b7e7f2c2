import { styleText } from "node:util";
import stringWidth from "string-width";

/** How wide the terminal is; undefined where there is none, and nothing has to fit. */
export const terminalWidth = (): number | undefined =>
  process.stdout.isTTY ? Math.max(process.stdout.columns || 80, 20) : undefined;

/** Colours, where the stream is a terminal that shows them and nobody has said NO_COLOR. */
export const colour = (format: "bold" | "dim" | "green" | "red" | "yellow" | "cyan", text: string): string =>
  styleText(format, text, { stream: process.stdout });

/** Text of the code's on one line of a terminal: nothing in it moves the cursor or changes a colour. */
export const plain = (text: string): string =>
  text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, (part) => (part.includes("\t") ? " " : "\u{fffd}"));

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
