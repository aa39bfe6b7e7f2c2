import { aboutOf } from "#core/contract/about";
import type { BatchInput } from "#core/contract/batch";
import { cancelledOutput, request } from "./samples.ts";
import type { Scenario, Scenarios, Step } from "./scenario.ts";
import { answers, endsCancelled, fails, untilCancelled } from "./steps.ts";

const limits = { streamBytes: 8192, fileBytes: 0 };
const inline = (runs: number): BatchInput["chunks"][number] => ({ requests: Array(runs).fill(request) });
const input = (changes: Partial<BatchInput> = {}): BatchInput => ({
  chunks: [inline(2), { artifact: "0".repeat(64), bytes: 100 }],
  total: 4,
  concurrency: 2,
  limits,
  ...changes,
});

const entry = { request, about: aboutOf(request), hash: "1".repeat(64), summary: "print(1)" };
const readTwo: Step<"readRequests"> = () => [entry, { ...entry, hash: null }];
/** Enough runs for the recording's server to suggest continue-as-new. */
const many = input({ chunks: Array(3).fill(inline(2)), total: 6 });

const batch = (changes: Partial<Scenario> = {}): Scenario => ({
  workflow: "executeBatch",
  args: [input()],
  closes: "COMPLETED",
  ...changes,
  script: { readRequests: [readTwo], ...changes.script },
});

/** Paths through `executeBatch`. */
export const batches: Scenarios = {
  batch: batch(),
  "batch-one-at-a-time": batch({ args: [input({ concurrency: 1, chunks: [inline(2)], total: 2 })] }),
  "batch-run-failed": batch({
    script: { provision: [fails("invalid-request")] },
    has: ["CHILD_WORKFLOW_EXECUTION_FAILED"],
  }),
  "batch-run-taken": batch({
    before: ({ occupy }) => occupy("batch-run-taken/1"),
    has: ["START_CHILD_WORKFLOW_EXECUTION_FAILED"],
  }),
  "batch-unreadable": batch({ script: { readRequests: [fails("internal")] }, closes: "FAILED" }),
  "batch-goes-on": batch({ args: [many], closes: "CONTINUED_AS_NEW" }),
  "batch-gone-on": batch({ args: [many], run: "last", has: ["START_CHILD_WORKFLOW_EXECUTION_INITIATED"] }),
  "batch-cancelled-while-reading": batch({
    script: { readRequests: [endsCancelled] },
    act: async ({ begun, handle }) => {
      await begun("readRequests");
      await handle.cancel();
    },
  }),
  "batch-cancelled-while-running": batch({
    script: { execute: [untilCancelled(cancelledOutput)] },
    act: async ({ begun, handle }) => {
      await begun("execute", 2);
      await handle.cancel();
    },
  }),
};

const reap = (changes: Partial<Scenario> = {}): Scenario => ({
  workflow: "reapCell",
  args: [{ cellId: "kgents-reap-1", backend: "kubernetes", ttlMilliseconds: 500, requester: "recorder" }],
  closes: "COMPLETED",
  ...changes,
});

/** Paths through `reapCell` and `sweepCells`. */
export const cleaners: Scenarios = {
  reaped: reap(),
  "reaped-unreleased": reap({ script: { releaseCell: [fails("forbidden")] } }),
  "reap-cancelled-in-its-ttl": reap({
    args: [{ cellId: "kgents-reap-2", backend: "kubernetes", ttlMilliseconds: 3_600_000 }],
    act: async ({ recorded, handle }) => {
      await recorded("TIMER_STARTED");
      await handle.cancel();
    },
    closes: "CANCELLED",
  }),
  "reap-cancelled-while-removing": reap({
    script: { removeCell: [endsCancelled] },
    act: async ({ begun, handle }) => {
      await begun("removeCell");
      await handle.cancel();
    },
    closes: "CANCELLED",
  }),
  swept: {
    workflow: "sweepCells",
    args: [],
    script: { sweepCells: [answers({ looked: 3, removed: ["kgents-a"], resisted: ["kgents-b"], stopped: "no" })] },
    closes: "COMPLETED",
  },
  "sweep-failed": {
    workflow: "sweepCells",
    args: [],
    script: { sweepCells: [fails("forbidden")] },
    closes: "FAILED",
  },
};

const rollout = (changes: Partial<Scenario> = {}): Scenario => ({
  workflow: "rollOutAgent",
  args: [
    {
      ...{ namespace: "kgents-agents", name: "b-gent", uid: "00000000-0000-0000-0000-000000000000", generation: 2 },
      ...{ image: "python:3.13-slim", changes: ["image"], manager: "kgents" },
    },
  ],
  closes: "COMPLETED",
  ...changes,
});

/** Paths through `rollOutAgent`. */
export const rollouts: Scenarios = {
  "rolled-out": rollout(),
  "rollout-superseded": rollout({
    script: { awaitRollout: [answers({ outcome: "superseded", reason: null, message: null })] },
  }),
  "rollout-taken-over": rollout({
    script: { awaitRollout: [fails("internal"), answers({ outcome: "ready", reason: "Available", message: null })] },
  }),
  "rollout-refused": rollout({ args: [{ name: "b-gent" }], closes: "FAILED" }),
  "rollout-cancelled": rollout({
    script: { awaitRollout: [endsCancelled] },
    act: async ({ begun, handle }) => {
      await begun("awaitRollout");
      await handle.cancel();
    },
    closes: "CANCELLED",
  }),
};
