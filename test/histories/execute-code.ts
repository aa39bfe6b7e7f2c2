import type { ProvisionedCell } from "#activities/contract";
import { clusterCell, environment, failedOutput, lostOutput, output, queues, request, sandboxCell } from "./samples.ts";
import type { Scenario, Scenarios, Step } from "./scenario.ts";
import { answers, fails, silent } from "./steps.ts";

type Provision = Step<"provision">;

export const sandbox =
  (changes: Partial<ProvisionedCell> = {}): Provision =>
  (_input, cellId) =>
    sandboxCell(cellId, changes);
export const cluster =
  (changes: Partial<ProvisionedCell> = {}): Provision =>
  (_input, cellId) =>
    clusterCell(cellId, changes);

/** A scenario of `executeCode` with the common request. It closes with a result unless stated otherwise. */
export const run = (changes: Partial<Scenario> = {}): Scenario => ({
  workflow: "executeCode",
  args: [request],
  closes: "COMPLETED",
  ...changes,
});

/** A run that asks for packages. */
export const packages = { packages: "six" } as const;

const clusterRequest = { ...request, backend: "kubernetes" };
const child = "START_CHILD_WORKFLOW_EXECUTION_INITIATED";
const timedOut = "ACTIVITY_TASK_TIMED_OUT";

/** Runs that end on their own. */
export const endings: Scenarios = {
  succeeded: run(),
  "code-failed": run({ script: { execute: [answers(failedOutput)] } }),
  "search-attributes": run({
    script: { provision: [sandbox({ searchAttributes: true })] },
    has: ["UPSERT_WORKFLOW_SEARCH_ATTRIBUTES"],
  }),
  "search-attributes-failed": run({
    script: { provision: [sandbox({ searchAttributes: true })], execute: [fails("interpreter-missing")] },
    closes: "FAILED",
  }),
  traced: run({ traceparent: "00-11111111111111111111111111111111-2222222222222222-01" }),
  "result-limits": run({ args: [request, { streamBytes: 8192, fileBytes: 0 }] }),
  "retried-code": run({
    script: { provision: [sandbox({ maximumAttempts: 3 })], execute: [answers(failedOutput), answers(output())] },
  }),
  "retries-used-up": run({
    script: { provision: [sandbox({ maximumAttempts: 2 })], execute: [answers(failedOutput)] },
  }),
  "refused-request": run({ args: [{ code: 1 }], script: { provision: [fails("invalid-request")] }, closes: "FAILED" }),
  "no-object": run({ args: [null], script: { provision: [fails("invalid-request")] }, closes: "FAILED" }),
  "cell-handed-over-by-its-queue": run({
    script: {
      execute: [answers({ elsewhere: true }), answers(output())],
      cleanUp: [answers({ elsewhere: true }), answers(undefined)],
    },
  }),
  packages: run({ script: { provision: [sandbox(packages)] } }),
  "packages-of-another-host": run({
    script: {
      provision: [sandbox(packages)],
      prepareEnvironment: [answers({ elsewhere: true }), answers(environment)],
    },
  }),
  "packages-not-found": run({
    script: { provision: [sandbox(packages)], prepareEnvironment: [fails("package-not-found")] },
    closes: "FAILED",
  }),
  "clean-up-failed": run({ script: { cleanUp: [fails("forbidden")] } }),
  "cluster-succeeded": run({ script: { provision: [cluster()] }, has: [child] }),
  "cluster-code-failed": run({
    script: { provision: [cluster({ searchAttributes: true })], execute: [answers(failedOutput)] },
    has: [child],
  }),
  "cluster-already-reaped": run({
    script: { provision: [cluster()] },
    before: ({ occupy }) => occupy("reap-kgents-cluster-already-reaped-1"),
    has: ["START_CHILD_WORKFLOW_EXECUTION_FAILED"],
  }),
};

/** The place where a run is carried out. */
export const places: Scenarios = {
  fallback: run({
    script: {
      provision: [
        fails("cluster-unavailable"),
        sandbox({ fallback: { from: "kubernetes", reason: "made to fail as cluster-unavailable" } }),
      ],
    },
  }),
  "fallback-forbidden": run({
    args: [{ ...request, fallback: false }],
    script: { provision: [fails("cluster-unavailable")] },
    closes: "FAILED",
  }),
  "cluster-asked-for-and-away": run({
    args: [clusterRequest],
    script: { provision: [fails("cluster-unavailable")] },
    closes: "FAILED",
  }),
  "waited-for-a-place": run({ script: { provision: [answers({ full: true }), sandbox()] } }),
  "waited-for-the-cluster": run({
    args: [clusterRequest],
    script: { provision: [answers({ full: true, cluster: "pods: 3 of 3" }), cluster()] },
    has: [child],
  }),
  "sent-from-queue-to-queue": run({
    script: {
      provision: [
        answers({ full: true }),
        answers({ full: true, cluster: "pods: 3 of 3" }),
        answers({ full: true }),
        sandbox(),
      ],
    },
  }),
  "fallback-waited": run({
    script: {
      provision: [
        answers({ full: true, cluster: "pods: 3 of 3" }),
        fails("cluster-unavailable"),
        answers({ full: true }),
        sandbox({ fallback: { from: "kubernetes", reason: "away" } }),
      ],
    },
  }),
  "no-room-after-all": run({
    args: [clusterRequest],
    script: { provision: [cluster()], execute: [answers({ full: true, cluster: "quota" }), answers(output())] },
    has: ["TIMER_FIRED", child],
  }),
  "no-room-twice": run({
    args: [clusterRequest],
    script: {
      provision: [cluster()],
      execute: [answers({ full: true, cluster: "quota" }), answers({ full: true }), answers(output())],
    },
    has: ["TIMER_FIRED", child],
  }),
  "no-room-after-a-start": run({
    args: [clusterRequest],
    script: { provision: [cluster()], execute: [fails("cell-handed-over"), answers({ full: true, cluster: "quota" })] },
    closes: "FAILED",
  }),
};

const gone = sandbox({ taskQueue: queues.gone });

/** Runs whose worker, host or connection is lost. */
export const losses: Scenarios = {
  "handed-over": run({ script: { execute: [fails("cell-handed-over"), answers(output())] } }),
  "cluster-handed-over": run({
    script: { provision: [cluster()], execute: [fails("cell-handed-over"), answers(output())] },
    has: [child],
  }),
  "worker-fell-silent": run({
    script: { execute: [silent, answers(output())] },
    has: [timedOut],
  }),
  "silences-used-up": run({ script: { execute: [fails("cell-handed-over")], salvage: [answers(lostOutput)] } }),
  "host-gone-before-the-start": run({
    script: { provision: [gone, sandbox()], execute: [answers({ elsewhere: true }), answers(output())] },
    has: [timedOut],
  }),
  "hosts-gone-three-times": run({
    script: { provision: [gone], execute: [answers({ elsewhere: true })] },
    closes: "FAILED",
    has: [timedOut],
  }),
  "host-gone-after-the-start": run({
    script: { provision: [gone], execute: [fails("cell-handed-over")], salvage: [answers(lostOutput)] },
    has: [timedOut],
  }),
  "host-gone-and-store-too": run({
    script: { provision: [gone], execute: [fails("cell-handed-over")], salvage: [fails("internal")] },
    has: [timedOut],
  }),
  "lost-and-retried": run({
    script: {
      provision: [sandbox({ taskQueue: queues.gone, maximumAttempts: 2 }), sandbox({ maximumAttempts: 2 })],
      execute: [fails("cell-handed-over"), answers(output())],
      salvage: [answers(lostOutput)],
    },
  }),
  "failure-that-passed": run({
    script: { execute: [fails("cell-start"), fails("artifact-unavailable"), answers(output())] },
    has: ["TIMER_FIRED"],
  }),
  "failure-that-did-not-pass": run({ script: { execute: [fails("cell-start")] }, closes: "FAILED" }),
  "cluster-cell-did-not-start": run({
    script: { provision: [cluster()], execute: [fails("cell-start")] },
    closes: "FAILED",
  }),
  "final-failure": run({ script: { execute: [fails("interpreter-missing")] }, closes: "FAILED" }),
};
