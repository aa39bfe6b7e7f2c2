/**
 * The static summary and details of a run, set by the client at its start. The Temporal UI shows them even without a
 * worker, and for code that is in the artifact store.
 *
 * @module
 */

import { limitsInWords } from "../contract/limits-in-words.ts";
import type { ExecutionSpec } from "../contract/request.ts";
import { utf8Bytes } from "./bytes.ts";
import { oneLine, titleOf } from "./code-excerpt.ts";
import { codeSpan, prose } from "./markdown.ts";
import { askedBy, codeStory, list } from "./ui-details.ts";
import { fitHead } from "./utf8.ts";

/** The part of the summary for the first line of the code. Temporal limits a summary to 200 bytes. */
const titleBytes = 120;

/** The summary of a run: its language and the first line of the code. */
export function summaryOf(spec: ExecutionSpec): string {
  const title = titleOf(spec);
  const ticks = Math.max(0, ...[...title.matchAll(/`+/g)].map(([run]) => run.length));
  const bytes = utf8Bytes(title);
  // The code span has a fence on each side that is one longer than the longest run of backticks.
  const { length } = fitHead(bytes, Math.max(20, titleBytes - 2 * ticks));
  return `${prose(oneLine(spec.language, 20))} · ${codeSpan(new TextDecoder().decode(bytes.subarray(0, length)))}`;
}

/** The details of a run: language, requester, limits and code. */
export const detailsOf = (spec: ExecutionSpec): string =>
  [
    list([...askedBy(spec.language, spec.requester), `**Limits**: ${prose(limitsInWords(spec))}`]),
    codeStory(spec),
  ].join("\n\n");
