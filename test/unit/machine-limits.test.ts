import { expect, test } from "vitest";
import { applyMachine } from "#core/configuration/policy";
import { parseRequest } from "#core/contract/parse-request";
import type { ExecutionRequest } from "#core/contract/request";
import { machineLimits } from "#platform/host/machine-limits";

const machine = { cpu: 4000, memory: 8 * 2 ** 30, disk: 8 * 2 ** 30 };

test.each<readonly [ExecutionRequest, object, RegExp | undefined]>([
  [{}, {}, undefined],
  [{ cpu: 4, memory: "8Gi", disk: "8Gi" }, {}, undefined],
  [{ cpu: 256 }, {}, /^cpu: got 256; allowed is at most 4, which the worker's machine has$/],
  [{ memory: "1Ti" }, {}, /^memory: got 1Ti; allowed is at most 8Gi, which/],
  [{ disk: "1Ti" }, {}, /^disk: got 1Ti; allowed is at most 8Gi, which/],
  // An administrator's higher value is kept.
  [{ cpu: 256 }, { cpu: 256_000 }, undefined],
])("%j on a machine of 4 cores and 8Gi, with the policy %j", (request, limits, refusal) => {
  const check = () => applyMachine(parseRequest({ code: "1", ...request }), { limits }, machine);
  if (refusal === undefined) expect(check).not.toThrow();
  else
    expect(check).toThrow(
      expect.objectContaining({ code: "policy-violation", message: expect.stringMatching(refusal) }),
    );
});

test("this machine has a core and the memory of a default cell", () => {
  expect(machineLimits().cpu).toBeGreaterThanOrEqual(1000);
  expect(machineLimits().memory).toBeGreaterThan(512 * 2 ** 20);
});
