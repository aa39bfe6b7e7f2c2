/**
 * Foreign text within the Markdown of Temporal's UI: nothing in it is markup, and nothing in it passes for our words.
 *
 * Temporal renders Markdown by two libraries: gomarkdown in the server of its UI, which lets HTML pass, and mdast elsewhere. What
 * is done here holds in both.
 *
 * @module
 */
import { oneLine } from "./code-excerpt.ts";

/** Temporal keeps 20 KB of details, and the UI sends them in an address. */
const maximumProse = 1000;

/** What begins markup within a line, a link made of a bare address, and dashes, which would be joined to longer ones. */
const markup = /[\\`*_{}[\]<>&#~|$!^]|-(?=-)|:(?=\S)/g;

/** Text within a line of prose; at most 1000 UTF-16 units of it. */
export const prose = (text: string): string => oneLine(text.trim(), maximumProse).replaceAll(markup, "\\$&");

/** Backticks that a text does not have in a row. */
const fenceFor = (text: string, shortest: number): string =>
  "`".repeat(Math.max(shortest, ...[...text.matchAll(/`+/g)].map(([ticks]) => ticks.length + 1)));

/** The UI fills in `{namespace}`, `{workflowId}` and `{runId}`, also in code; a space of no width keeps it from that. */
const literal = (text: string): string => text.replaceAll(/\{(?=(?:namespace|workflowId|runId)\})/g, "{\u{200b}");

/** One line of code within prose. */
export function codeSpan(line: string): string {
  const text = literal(line.trim());
  const fence = fenceFor(text, 1);
  const space = text.startsWith("`") || text.endsWith("`") ? " " : "";
  return text === "" ? "" : `${fence}${space}${text}${space}${fence}`;
}

/** Lines of code in a block of their own, which they cannot close. */
export function codeBlock(lines: readonly string[]): string {
  const text = literal(lines.join("\n"));
  const fence = fenceFor(text, 3);
  return `${fence}\n${text}\n${fence}`;
}
