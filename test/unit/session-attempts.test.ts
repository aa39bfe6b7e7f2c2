/** What a session does after an attempt at a program, and when it looks after its files. */
import { ActivityFailure, ApplicationFailure } from "@temporalio/common";
import { expect, it } from "vitest";
import { maximumAgeIn } from "#workflows/session/clocks";
import { nextLook } from "#workflows/session/keep-changes";
import { afterFailure } from "#workflows/session/run-here";

const failed = (type: string) =>
  new ActivityFailure(
    "it failed",
    "runProgram",
    "1",
    "NON_RETRYABLE_FAILURE",
    "w",
    ApplicationFailure.create({ type, message: `it is ${type}` }),
  );

it.each([
  // [kind, an earlier attempt has begun, an earlier attempt was not heard of, what becomes of the program]
  ["evicted", false, false, "started elsewhere"],
  ["cell-deleted", false, false, "started elsewhere"],
  ["node-lost", false, false, "started elsewhere"],
  ["evicted", true, false, "lost"],
  ["cell-deleted", true, true, "lost"],
  ["node-lost", true, true, "lost"],
  ["cluster-unavailable", false, false, "fails"],
  ["cluster-unavailable", true, false, "fails"],
  ["cluster-unavailable", true, true, "lost"],
  ["artifact-unavailable", true, true, "lost"],
])("%s, begun %s, unheard %s: %s", (kind, again, unheard, expected) => {
  const attempt = () => afterFailure({ failed: failed(kind), again, unheard });
  if (expected === "fails") expect(attempt).toThrow(expect.objectContaining({ type: kind }));
  else if (expected === "lost") expect(attempt()).toMatchObject({ answer: { output: { status: "lost" } } });
  else expect(attempt()).toEqual({ gone: `it is ${kind}` });
});

it.each([
  [0, 10_000],
  [1, 20_000],
  [5, 320_000],
  [9, 3_600_000],
  [2000, 3_600_000],
])("after %d checkpoints that failed, the next one comes %d ms later", (failures, later) => {
  expect(nextLook({ looked: 5, failures })).toBe(5 + later);
});

it.each([
  [{ maximumAge: "2h" }, 7_200_000],
  [{ maximumAge: 30 }, 30_000],
  [{ maximumAge: "9d" }, 604_800_000],
  [{ maximumAge: "soon" }, 604_800_000],
  [{}, 604_800_000],
  [null, 604_800_000],
])("a session without a cell, %j, ends after %d ms", (session, expected) => {
  expect(maximumAgeIn(session)).toBe(expected);
});
