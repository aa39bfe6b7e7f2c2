/**
 * Reads what uv says when it fails.
 *
 * @module
 */
import { KgentsError } from "#core/contract/error";
import type { FailureKind } from "#core/contract/failure";

/** Patterns in uv's message, each with the kind of failure that it means; the first one that matches decides. */
const signs: readonly (readonly [RegExp, FailureKind])[] = [
  [/not found in the package registry/, "package-not-found"],
  [
    /(?:no usable wheels|no wheels? (?:with|are|for|available)|only has wheels|no compatible|building from source is disabled)/,
    "package-wheel-missing",
  ],
  [
    /(?:failed to fetch|error sending request|request failed|tcp connect|dns error|timed out|50[0-9] )/i,
    "package-index-unavailable",
  ],
  [/401|403|unauthorized|forbidden/i, "package-index-unavailable"],
];

/** The packages that a message says do not exist in a wanted version, without any other requirement taking part. */
const onlyMissing =
  /(?:there is no version of \S+|only \S+ (?:is|are) available) and you require [^,]+, we can conclude/;

/** uv's message without its labels and hints, on one line. */
export function uvMessage(stderr: string): string {
  const lines = stderr.split("\n").filter((line) => !/^\s*(?:hint|warning):/.test(line));
  return lines
    .map((line) => line.replace(/^\s*(?:error|cause):\s*/, "").trim())
    .filter((line) => line !== "")
    .join(" ")
    .replaceAll(/\s+/g, " ")
    .slice(0, 2000);
}

/**
 * The failure that uv reports when it resolves or installs packages.
 *
 * @param stderr all that it said
 */
export function uvFailure(stderr: string): KgentsError {
  const message = uvMessage(stderr) || "uv said nothing";
  const sign = signs.find(([pattern]) => pattern.test(stderr))?.[1];
  if (sign !== undefined) return new KgentsError(sign, message);
  if (onlyMissing.test(message)) return new KgentsError("package-not-found", message);
  if (/No solution found|requirements are unsatisfiable/.test(message))
    return new KgentsError("package-conflict", message);
  return new KgentsError("package-install", message);
}
