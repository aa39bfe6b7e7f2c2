/** How a rollout ends, and what waits to be recorded. */
import { describe, expect, it } from "vitest";
import {
  faultInRollout,
  type RolledAgent,
  type Rollout,
  rolloutEnd,
  rolloutId,
  rolloutTitle,
} from "#core/agents/rollout";
import { pendingRollouts } from "#worker/rollouts/pending-rollouts";

const rollout: Rollout = {
  namespace: "team",
  name: "b-gent",
  uid: "0123456789",
  generation: 3,
  image: "a:1",
  changes: ["image"],
  manager: "kgents",
};

type Condition = readonly [type: string, status: string, reason: string, generation?: number];
const agentOf = (conditions: readonly Condition[], metadata: object = {}): RolledAgent => ({
  metadata: { uid: rollout.uid, generation: 3, ...metadata },
  status: {
    conditions: conditions.map(([type, status, reason, observedGeneration = 3]) => ({
      type,
      status: status as "True",
      reason,
      message: `${reason}!`,
      lastTransitionTime: "2026-11-28T00:00:00Z",
      observedGeneration,
    })),
  },
});

const rolling: Condition[] = [
  ["Accepted", "True", "Accepted"],
  ["Ready", "False", "ImagePull"],
  ["Progressing", "True", "RollingOut"],
];

it.each([
  ["no status yet", { metadata: { uid: rollout.uid, generation: 3 } }],
  ["a trouble that may pass", agentOf(rolling)],
  [
    "what was said of the generation before",
    agentOf([
      ["Accepted", "False", "InvalidConfig", 2],
      ["Ready", "True", "Available", 2],
      ["Progressing", "False", "ProgressDeadlineExceeded", 2],
    ]),
  ],
])("goes on: %s", (_, agent) => {
  expect(rolloutEnd(agent, rollout)).toBeUndefined();
});

it.each([
  ["no Agent", undefined, "deleted", null],
  ["another Agent of the same name", agentOf([], { uid: "other" }), "deleted", null],
  ["an Agent that is being deleted", agentOf(rolling, { deletionTimestamp: "2026-11-28T00:00:00Z" }), "deleted", null],
  ["a later generation", agentOf(rolling, { generation: 4 }), "superseded", null],
  ["ready", agentOf([["Ready", "True", "Available"]]), "ready", "Available"],
  ["a placeholder", agentOf([["Ready", "True", "Placeholder"]]), "ready", "Placeholder"],
  [
    "not accepted",
    agentOf([
      ["Accepted", "False", "NameConflict"],
      ["Ready", "False", "NotAccepted"],
    ]),
    "failed",
    "NameConflict",
  ],
  [
    "no progress, with the reason of the pods",
    agentOf([
      ["Ready", "False", "ImagePull"],
      ["Progressing", "False", "ProgressDeadlineExceeded"],
    ]),
    "failed",
    "ImagePull",
  ],
])("ends: %s", (_, agent, outcome, reason) => {
  const message = reason === null ? null : `${reason}!`;
  expect(rolloutEnd(agent, rollout)).toEqual({ outcome, reason, message });
});

it("has an id of its generation, and a title that fits a summary", () => {
  expect(rolloutId(rollout)).toBe("agent-rollout/team/b-gent/01234567/3");
  expect(rolloutTitle(rollout)).toBe("team/b-gent, generation 3: a:1");
  expect(rolloutTitle({ ...rollout, image: "x".repeat(255) }).length).toBeLessThanOrEqual(200);
});

describe("the input of the workflow", () => {
  it.each([rollout, { ...rollout, changes: [], manager: undefined }, { ...rollout, manager: null, more: 1 }])(
    "%#: is accepted",
    (input) => expect(faultInRollout(input)).toBeUndefined(),
  );

  it.each([
    [undefined, "namespace"],
    ["x", "namespace"],
    [{ ...rollout, name: "" }, "name"],
    [{ ...rollout, uid: 3 }, "uid"],
    [{ ...rollout, image: "x".repeat(513) }, "image"],
    [{ ...rollout, generation: 1.5 }, "generation"],
    [{ ...rollout, generation: "1" }, "generation"],
    [{ ...rollout, changes: "image" }, "changes"],
    [{ ...rollout, changes: Array(101).fill("x") }, "changes"],
    [{ ...rollout, changes: [{}] }, "changes"],
    [{ ...rollout, manager: 1 }, "manager"],
  ])("%#: is refused by its field", (input, field) => {
    expect(faultInRollout(input)).toMatchObject({ field, message: expect.stringMatching(/got .*; allowed is /s) });
  });
});

describe("rollouts that wait to be recorded", () => {
  it("are taken once each, in their order, and the oldest is given up", () => {
    const givenUp: number[] = [];
    const pending = pendingRollouts(({ generation }) => givenUp.push(generation), 2);
    for (const generation of [1, 2, 2, 3]) pending.add({ ...rollout, generation });
    expect({ givenUp, size: pending.size(), first: pending.first()?.generation }).toEqual({
      givenUp: [1],
      size: 2,
      first: 2,
    });
    pending.remove({ ...rollout, generation: 2 });
    expect(pending.first()?.generation).toBe(3);
  });
});
