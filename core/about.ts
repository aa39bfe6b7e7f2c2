/**
 * What the list of runs shows of a request: kept in the run's memo, because the request itself is in the history only.
 *
 * @module
 */
import { decodeUtf8, utf8Bytes } from "./bytes.ts";
import { firstLine } from "./first-line.ts";
import type { ExecutionSpec } from "./request.ts";
import { endOfCharacters } from "./utf8.ts";

/** A few fields of a request. */
export interface RunAbout {
  /** The language as it was asked for; a search attribute has the canonical name once a cell is there. */
  readonly language: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly requester: string | null;
  /** The first line of the code, for people. */
  readonly title: string;
}

const titleLength = 100;

const asRecord = (value: unknown): Record<string, unknown> =>
  typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};

function titleOf({ code, entrypoint }: Record<string, unknown>): string {
  if (typeof code === "string") return (firstLine(code) ?? "").trim();
  if (typeof entrypoint === "string") return entrypoint;
  return "artifact" in asRecord(code) ? "(code from the artifact store)" : "(bytes)";
}

/** Temporal shows 200 bytes in its lists. */
const summaryBytes = 180;

/** What Temporal's lists show of a run. */
export function summaryOf({
  code,
  entrypoint,
  language,
}: Pick<ExecutionSpec, "code" | "entrypoint" | "language">): string {
  const line = typeof code === "string" ? (firstLine(code) ?? "") : (entrypoint ?? "(bytes)");
  const bytes = utf8Bytes(`${language} · ${line.trim()}`).subarray(0, summaryBytes);
  return decodeUtf8(bytes.subarray(0, endOfCharacters(bytes))) ?? language;
}

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
    title: (typeof title === "string" ? title : titleOf(fields)).slice(0, titleLength),
  };
}
