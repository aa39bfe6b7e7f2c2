import { styleText } from "node:util";
import { printableJson } from "#core/text/printable-json";

/** The width of the terminal; undefined if there is none and nothing has to fit. */
export const terminalWidth = (): number | undefined =>
  process.stdout.isTTY ? Math.max(process.stdout.columns || 80, 20) : undefined;

/** Colours text if the stream is a terminal that shows colours and NO_COLOR is not set. */
export const colour = (format: "bold" | "dim" | "green" | "red" | "yellow" | "cyan", text: string): string =>
  styleText(format, text, { stream: process.stdout });

/** Untrusted text for one line of a terminal. Replaces characters that move the cursor or change a colour. */
export const plain = (text: string): string =>
  text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, (part) => (part.includes("\t") ? " " : "\u{fffd}"));

/** Matches what `colour` writes, and no other escape sequence. */
const ownColours = new RegExp(`(${String.fromCharCode(27)}\\[(?:1|2|22|31|32|33|36|39)m)`);

/** Untrusted text of several lines that may contain our own colours. Everything else passes {@link plain}. */
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

/**
 * Our own text that may contain untrusted text, without colours. Further lines are indented, so none looks like the
 * first line of a message.
 */
export const paragraph = (text: string): string =>
  text
    .split("\n")
    .map((line, index) => (index === 0 || line.startsWith(indentation) ? plain(line) : indentation + plain(line)))
    .join("\n");

/** Formats a value as JSON that is safe to print on a terminal. */
export const jsonText = (value: unknown, indent?: number): string => printableJson(JSON.stringify(value, null, indent));
