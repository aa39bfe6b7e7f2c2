/**
 * What the Temporal UI shows of a run from its start: also before a worker has taken it, after the last one has gone, and of
 * code that travels apart from the request.
 *
 * @module
 */

import { limitsInWords } from "../contract/limits-in-words.ts";
import type { ExecutionSpec } from "../contract/request.ts";
import { utf8Bytes } from "./bytes.ts";
import { oneLine, titleOf } from "./code-excerpt.ts";
import { codeSpan, prose } from "./markdown.ts";
import { askedBy, codeStory, list } from "./story.ts";
import { fitHead } from "./utf8.ts";

/** Temporal keeps 200 bytes of a summary; this is what the first line of the code may have of them. */
const titleBytes = 120;

/** The run in one line: language, and the first line of the code. */
export function summaryOf(spec: ExecutionSpec): string {
  const title = titleOf(spec);
  const ticks = Math.max(0, ...[...title.matchAll(/`+/g)].map(([run]) => run.length));
  const bytes = utf8Bytes(title);
  // The backticks around it are one more than it has in a row.
  const { length } = fitHead(bytes, Math.max(20, titleBytes - 2 * ticks));
  return `${prose(oneLine(spec.language, 20))} · ${codeSpan(new TextDecoder().decode(bytes.subarray(0, length)))}`;
}

/** What was asked for. */
export const detailsOf = (spec: ExecutionSpec): string =>
  [
    list([...askedBy(spec.language, spec.requester), `**Limits**: ${prose(limitsInWords(spec))}`]),
    codeStory(spec),
  ].join("\n\n");
