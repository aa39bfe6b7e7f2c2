/** The room that quotas leave, from their numbers and from the messages of the API server's refusals. */

import { describe, expect, it, test } from "vitest";
import { amountsOf, isQuotaRefusal, type Quota, shortageIn, shortageOf } from "#cells/kubernetes/quotas/quota";
import { shapeOf } from "#core/contract/cell-shape";
import { builtInLanguages, findLanguage } from "#core/contract/language";
import { validateRequest } from "#core/contract/parse-request";
import type { ExecutionRequest } from "#core/contract/request";
import { cellPod } from "#core/manifest/cell-pod";
import { podWithTemplate } from "#core/manifest/pod-template";

const mebibyte = 2 ** 20;
const wanted = (request: ExecutionRequest = {}) =>
  amountsOf(cellPod(shapeOf(validateRequest({ code: "1", ...request }), findLanguage(builtInLanguages, "python"))));

it("counts a cell as Kubernetes does", () => {
  expect(wanted({ cpu: "2", memory: "1Gi" })).toEqual({
    pods: 1,
    "count/pods": 1,
    "count/jobs.batch": 1,
    cpu: 100,
    memory: 128 * mebibyte,
    "ephemeral-storage": 64 * mebibyte,
    "requests.cpu": 100,
    "requests.memory": 128 * mebibyte,
    "requests.ephemeral-storage": 64 * mebibyte,
    "limits.cpu": 2000,
    "limits.memory": 1024 * mebibyte,
    "limits.ephemeral-storage": 244 * mebibyte,
  });
});

it("counts extended resources of a template", () => {
  const pod = cellPod(shapeOf(validateRequest({ code: "1" }), findLanguage(builtInLanguages, "python")));
  const amounts = amountsOf(podWithTemplate(pod, { resources: { "nvidia.com/gpu": 2 } }));
  expect(amounts).toMatchObject({ "requests.nvidia.com/gpu": 2, "requests.cpu": 100 });
  const quota = { name: "gpus", hard: { "requests.nvidia.com/gpu": "4" } };
  const used = (gpus: string) => [{ ...quota, used: { "requests.nvidia.com/gpu": gpus } }];
  expect(shortageOf(used("2"), amounts, [])).toBeUndefined();
  const full = { always: false, reason: "the quota gpus: requests.nvidia.com/gpu=4" };
  expect(shortageOf(used("3"), amounts, [])).toEqual(full);
  expect(shortageOf(used("0"), amounts, [amounts, amounts])).toEqual(full);
  const [small] = used("0").map((one) => ({ ...one, hard: { "requests.nvidia.com/gpu": "1" } }));
  expect(shortageOf(small ? [small] : [], amounts, [])).toMatchObject({
    always: true,
    reason: "the quota gpus allows requests.nvidia.com/gpu=1 in all, and the cell counts for 2",
  });
});

describe("room in quotas", () => {
  const quota = (hard: Record<string, string>, used: Record<string, string> = {}, name = "q"): Quota => ({
    name,
    hard,
    used: { ...Object.fromEntries(Object.keys(hard).map((resource) => [resource, "0"])), ...used },
  });
  const full = (reason: string) => ({ always: false, reason });
  const never = (reason: string) => ({ always: true, reason });

  test.each<[what: string, quotas: Quota[], pending: number, lack: ReturnType<typeof shortageOf>]>([
    ["no quota", [], 500, undefined],
    ["the last place", [quota({ pods: "5" }, { pods: "4" })], 0, undefined],
    ["no place left", [quota({ pods: "5" }, { pods: "5" })], 0, full("the quota q: pods=5")],
    ["the last place is for a pod that comes", [quota({ pods: "5" }, { pods: "4" })], 1, full("the quota q: pods=5")],
    ["more is used than is allowed by now", [quota({ pods: "5" }, { pods: "9" })], 0, full("the quota q: pods=5")],
    ["a number as 1k", [quota({ "count/jobs.batch": "1k" }, { "count/jobs.batch": "998" })], 1, undefined],
    [
      "a number as 1k, all of it used",
      [quota({ "count/jobs.batch": "1k" }, { "count/jobs.batch": "999" })],
      1,
      full("the quota q: count/jobs.batch=1k"),
    ],
    ["thousandths of cores", [quota({ "limits.cpu": "1" }, { "limits.cpu": "900m" })], 0, undefined],
    ["one too many", [quota({ "limits.cpu": "1" }, { "limits.cpu": "901m" })], 0, full("the quota q: limits.cpu=1")],
    ["memory to the byte", [quota({ "requests.memory": "13Gi" }, { "requests.memory": "13184Mi" })], 0, undefined],
    [
      "a byte too many",
      [quota({ "requests.memory": "13Gi" }, { "requests.memory": `${13_184 * mebibyte + 1}` })],
      0,
      full("the quota q: requests.memory=13Gi"),
    ],
    ["memory without a word is what is requested", [quota({ memory: "128Mi" })], 0, undefined],
    [
      "all but the last quota have room",
      [quota({ pods: "9" }), quota({ pods: "1" }, { pods: "1" }, "r")],
      0,
      full("the quota r: pods=1"),
    ],
    [
      "too small for any cell",
      [quota({ pods: "0" })],
      0,
      never("the quota q allows pods=0 in all, and the cell counts for 1"),
    ],
    [
      "what can never be comes before what is full",
      [quota({ pods: "5" }, { pods: "5" }), quota({ "limits.memory": "64Mi" }, {}, "r")],
      0,
      never("the quota r allows limits.memory=64Mi in all, and the cell counts for 128Mi"),
    ],
    ["what cells do not count for", [quota({ services: "0", "requests.nvidia.com/gpu": "0" })], 0, undefined],
    ["a number as 1e2", [quota({ pods: "1e2" }, { pods: "99" })], 0, undefined],
    ["a number as 1e2, all of it used", [quota({ pods: "1e2" }, { pods: "100" })], 0, full("the quota q: pods=1e2")],
    ["a bound beyond all", [quota({ "limits.memory": "1Ei" }, { "limits.memory": "1P" })], 0, undefined],
    [
      "memory in thousandths of a byte",
      [quota({ "requests.memory": `${128 * mebibyte}000m` }, { "requests.memory": `${64 * mebibyte}001m` })],
      0,
      full(`the quota q: requests.memory=${128 * mebibyte}000m`),
    ],
    ["cpu in billionths", [quota({ "requests.cpu": "200000000n" }, { "requests.cpu": "25000000n" })], 0, undefined],
    ["a use that nobody has counted yet", [{ name: "q", hard: { pods: "5" }, used: {} }], 9, undefined],
  ])("%s", (_what, quotas, pending, lack) => {
    const cell = wanted({ cpu: "100m", memory: "128Mi" });
    const taken = Array.from({ length: pending }, () => cell);
    expect(shortageOf(quotas, cell, taken)).toEqual(lack);
  });
});

test.each([
  ["hard", { pods: "many" }, {}],
  ["used", { pods: "5" }, { pods: "1 000" }],
])("a quota that cannot be read is not ignored: %s", (_what, hard, used) => {
  const quota = { name: "q", hard, used };
  expect(() => shortageOf([quota], wanted(), [])).toThrow(/the quota q: pods=.+ is no quantity/);
});

test.each<[refusal: string, lack: ReturnType<typeof shortageIn>]>([
  [
    'pods "x" is forbidden: exceeded quota: q, requested: pods=1, used: pods=5, limited: pods=5',
    { always: false, reason: "the quota q: pods=5" },
  ],
  [
    "exceeded quota: q, requested: limits.cpu=2,limits.memory=1Gi, used: limits.cpu=10,limits.memory=3Gi, limited: limits.cpu=10,limits.memory=3Gi",
    { always: false, reason: "the quota q: limits.cpu=10" },
  ],
  [
    "exceeded quota: q, requested: limits.cpu=500m,limits.memory=1Gi, used: limits.cpu=1,limits.memory=0, limited: limits.cpu=1,limits.memory=512Mi",
    { always: true, reason: "the quota q allows limits.memory=512Mi in all, and the cell counts for 1Gi" },
  ],
  [
    'pods "x" is forbidden: failed quota: q: must specify limits.cpu for: sidecar',
    { always: true, reason: "the quota q: must specify limits.cpu for: sidecar" },
  ],
  [
    'pods "x" is forbidden: status unknown for quota: q, resources: pods',
    { always: false, reason: "a quota of the namespace" },
  ],
])("%s", (refusal, lack) => {
  expect(isQuotaRefusal(refusal)).toBe(true);
  expect(shortageIn(refusal)).toEqual(lack);
});
