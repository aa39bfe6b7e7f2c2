/**
 * The fields of a request that the list of runs shows. They are kept in the run's memo, because the request itself is
 * in the history only.
 *
 * @module
 */
import { maximumTitle, oneLine, titleOf } from "../text/code-excerpt.ts";

/** The fields of a request that a run's memo holds. */
export interface RunAbout {
  /** The language as requested, in lower case. The search attribute holds the canonical name once a cell exists. */
  readonly language: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly requester: string | null;
  /** The first line of the code, for display. */
  readonly title: string;
}

const asRecord = (value: unknown): Record<string, unknown> =>
  typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};

/** Reads these fields from a request or a memo. The input is not validated. */
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
