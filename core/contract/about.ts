/**
 * What the list of runs shows of a request: kept in the run's memo, because the request itself is in the history only.
 *
 * @module
 */
import { maximumTitle, oneLine, titleOf } from "../text/code-excerpt.ts";

/** A few fields of a request. */
export interface RunAbout {
  /** The language as it was asked for; a search attribute has the canonical name once a cell is there. */
  readonly language: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly requester: string | null;
  /** The first line of the code, for people. */
  readonly title: string;
}

const asRecord = (value: unknown): Record<string, unknown> =>
  typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};

/** Reads these fields from a request, or from what was kept of one; anything can be in it. */
export function aboutOf(request: unknown): RunAbout {
  const fields = asRecord(request);
  const { language, labels, requester, title } = fields;
  const pairs = Object.entries(asRecord(labels)).flatMap(([key, value]) =>
    typeof value === "string" ? [[key, value] as const] : [],
  );
  return {
    language: typeof language === "string" ? language.toLowerCase() : "python",
    labels: Object.fromEntries(pairs),
    requester: typeof requester === "string" ? requester : null,
    title: typeof title === "string" ? oneLine(title, maximumTitle) : titleOf(fields),
  };
}
