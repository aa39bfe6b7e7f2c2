/**
 * Reads what npm says when it fails.
 *
 * @module
 */
import { KgentsError } from "#core/contract/error";
import type { FailureKind } from "#core/contract/failure";

/** Patterns of npm's error codes, each with the kind of failure that it means. */
const kinds: readonly (readonly [RegExp, FailureKind])[] = [
  [/^(?:E404|ETARGET|ENOVERSIONS)$/, "package-not-found"],
  [/^(?:EBADPLATFORM|EBADENGINE)$/, "package-wheel-missing"],
  [/^ERESOLVE$/, "package-conflict"],
  [
    /^(?:ECONN\w+|ENOTFOUND|EAI_AGAIN|E?TIMEOUT|ETIMEDOUT|ERR_SOCKET_TIMEOUT|EHOSTUNREACH|ENETUNREACH|E401|E403|E429|E5\d\d)$/,
    "package-index-unavailable",
  ],
  [/^ENOSPC$/, "disk-full"],
];

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null;

/** npm's error as it prints it with `--json`; undefined if the text is something else. */
function errorIn(stdout: string): Record<string, unknown> | undefined {
  try {
    const said: unknown = JSON.parse(stdout);
    return isRecord(said) && isRecord(said.error) ? said.error : undefined;
  } catch {
    return undefined;
  }
}

const oneLine = (text: string): string => text.replaceAll(/\s+/g, " ").trim();

/** The failure that npm reports. @param stdout what it printed with `--json` */
export function npmFailure(stdout: string, stderr: string): KgentsError {
  const { code, summary, detail } = errorIn(stdout) ?? {};
  const kind = kinds.find(([pattern]) => pattern.test(String(code)))?.[1] ?? "package-install";
  // The detail of a conflict names the packages; other details are advice.
  const words = kind === "package-conflict" ? [summary, String(detail).split("Fix the upstream")[0]] : [summary];
  const said =
    oneLine(words.filter((word) => typeof word === "string").join(": ")) || oneLine(stderr) || "npm said nothing";
  return new KgentsError(kind, said.slice(0, 2000));
}
