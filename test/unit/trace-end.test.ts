import { CancelledFailure } from "@temporalio/common";
import { ContinueAsNew } from "@temporalio/workflow";
import { expect, it } from "vitest";
import { traceEndOf } from "../../workflows/trace-end.ts";

it.each([
  ["continue-as-new", new ContinueAsNew({}), { status: "continued-as-new", error: null }],
  ["a cancellation", new CancelledFailure("cancelled"), { status: "cancelled", error: null }],
  ["an error", new Error("x"), { status: null, error: "Error: x" }],
])("%s", (_, error, end) => {
  expect(traceEndOf(error)).toEqual(end);
});
