/**
 * What is told of every request in the Temporal UI, in Markdown: by the client when it starts the run, and by the workflow
 * while it goes on.
 *
 * @module
 */
import { excerptOf } from "./code-excerpt.ts";
import { codeBlock, prose } from "./markdown.ts";

/** A list, which stays one wherever it is rendered; it needs an empty line before it. */
export const list = (lines: readonly string[]): string => lines.map((line) => `- ${line}`).join("\n");

/** Who asks, and in which language. */
export const askedBy = (language: string, requester: string | null | undefined): string[] => [
  `**Language**: ${prose(language)}`,
  `**Requested by**: ${requester ? prose(requester) : "(the request does not say)"}`,
];

/** The first lines of the code. */
export function codeStory(request: unknown): string {
  const { lines, more } = excerptOf(request);
  return `**Code**${more > 0 ? `, without the last ${more === 1 ? "line" : `${more} lines`}` : ""}:\n\n${codeBlock(lines)}`;
}
