import { describe, expect, it } from "vitest";
import { exitCodeOf, exitCodeOfFailure } from "#core/contract/command-exit-code";
import { type FailureKind, failureKinds } from "#core/contract/failure";
import { type RunStatus, runStatuses } from "#core/contract/run-status";

const results: [RunStatus, number | null, number][] = [
  ["succeeded", 0, 0],
  ["failed", 1, 1],
  ["failed", 3, 3],
  ["failed", 124, 124],
  ["failed", 143, 143],
  ["failed", 255, 255],
  // Never success if something is unknown.
  ["failed", null, 1],
  ["failed", 0, 1],
  ["failed", 256, 1],
  ["failed", -1, 1],
  ["timed-out", 137, 124],
  ["timed-out", null, 124],
  ["out-of-memory", 137, 137],
  ["out-of-memory", 1, 137],
  ["output-limit", 137, 153],
  ["cancelled", null, 130],
  ["cancelled", 137, 130],
  ["lost", null, 125],
  ["lost", 0, 125],
];

describe("the exit code of a result", () => {
  it.each(results)("%s with %j is %j", (status, exitCode, expected) => {
    expect(exitCodeOf({ status, exitCode })).toBe(expected);
  });

  it("is tested for every status", () => {
    expect(new Set(results.map(([status]) => status))).toEqual(new Set(runStatuses));
  });
});

describe("the exit code of a failure", () => {
  const usage = ["invalid-request", "unsupported-language", "invalid-configuration", "id-conflict", "not-found"];

  it.each(Object.keys(failureKinds) as FailureKind[])("%s", (kind) => {
    expect(exitCodeOfFailure(kind)).toBe(usage.includes(kind) ? 2 : 125);
  });
});
