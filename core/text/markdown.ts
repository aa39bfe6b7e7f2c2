/**
 * Escapes untrusted text for the Markdown of Temporal's UI, so that it can neither inject markup nor imitate the
 * surrounding text.
 *
 * Temporal renders Markdown with two libraries: gomarkdown in the UI server, which passes HTML through, and mdast
 * elsewhere. The escaping works in both.
 *
 * @module
 */
import { oneLine } from "./code-excerpt.ts";

/** Temporal limits details to 20 KB, and the UI sends them in a URL. */
const maximumProse = 1000;

/**
 * Characters that start inline markup, the colon of a bare URL, and repeated dashes, which would be joined to a longer
 * dash.
 */
const markup = /[\\`*_{}[\]<>&#~|$!^]|-(?=-)|:(?=\S)/g;

/** Escapes text within a line of prose, cut at 1000 UTF-16 units. */
export const prose = (text: string): string => oneLine(text.trim(), maximumProse).replaceAll(markup, "\\$&");

/** A fence of backticks that is longer than any run of backticks in the text. */
const fenceFor = (text: string, shortest: number): string =>
  "`".repeat(Math.max(shortest, ...[...text.matchAll(/`+/g)].map(([ticks]) => ticks.length + 1)));

/** The UI substitutes `{namespace}`, `{workflowId}` and `{runId}`, also in code. A zero-width space prevents that. */
const literal = (text: string): string => text.replaceAll(/\{(?=(?:namespace|workflowId|runId)\})/g, "{\u{200b}");

/** Renders one line of code within prose. */
export function codeSpan(line: string): string {
  const text = literal(line.trim());
  const fence = fenceFor(text, 1);
  const space = text.startsWith("`") || text.endsWith("`") ? " " : "";
  return text === "" ? "" : `${fence}${space}${text}${space}${fence}`;
}

/** Renders lines as a fenced code block that their content cannot close. */
export function codeBlock(lines: readonly string[]): string {
  const text = literal(lines.join("\n"));
  const fence = fenceFor(text, 3);
  return `${fence}\n${text}\n${fence}`;
}
