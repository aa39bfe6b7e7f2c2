/**
 * Markdown about a request for the Temporal UI. The client uses it when it starts the run, the workflow while it runs.
 *
 * @module
 */
import { excerptOf } from "./code-excerpt.ts";
import { codeBlock, prose } from "./markdown.ts";

/** A Markdown list. It needs an empty line before it, so that all renderers recognize it. */
export const list = (lines: readonly string[]): string => lines.map((line) => `- ${line}`).join("\n");

/** The lines for the language and the requester. */
export const askedBy = (language: string, requester: string | null | undefined): string[] => [
  `**Language**: ${prose(language)}`,
  `**Requested by**: ${requester ? prose(requester) : "(the request does not say)"}`,
];

/** The first lines of the code. */
export function codeStory(request: unknown): string {
  const { lines, more } = excerptOf(request);
  return `**Code**${more > 0 ? `, without the last ${more === 1 ? "line" : `${more} lines`}` : ""}:\n\n${codeBlock(lines)}`;
}
