import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import type {
  ObservedCell,
  ObservedCondition,
  ObservedContainer,
  ObservedJob,
  ObservedPod,
} from "#cells/kubernetes/api/observed-cell";
import { type CellState, classifyCell, failureOfWait } from "#cells/kubernetes/cell/classify-cell";

const created = "2026-11-25T06:00:00Z";
const now = new Date("2026-11-25T06:01:00Z");

const job = (conditions: ObservedCondition[] = [], deletionTimestamp?: string): ObservedJob => ({
  metadata: { name: "kgents-1", creationTimestamp: created, ...(deletionTimestamp && { deletionTimestamp }) },
  status: { conditions },
});
const jobFailed = (reason: string): ObservedJob => job([{ type: "Failed", status: "True", reason }]);
const refused = (message: string, lastTimestamp = created) => ({ reason: "FailedCreate", message, lastTimestamp });

type Status = NonNullable<ObservedPod["status"]>;
const pod = (status: Status, metadata: Partial<ObservedPod["metadata"]> = {}): ObservedPod => ({
  metadata: { name: "kgents-1-abcde", creationTimestamp: created, ...metadata },
  status,
});
const container = (state: NonNullable<ObservedContainer["state"]>, name = "cell"): ObservedContainer => ({
  name,
  state,
});
const cell = (state: NonNullable<ObservedContainer["state"]>): Status => ({
  phase: "Pending",
  containerStatuses: [container({ running: {} }, "injected"), container(state)],
});
const waits = (reason: string): Status => cell({ waiting: { reason, message: "said so" } });
const ends = (exitCode: number, reason = "Error"): Status => ({
  ...cell({ terminated: { exitCode, reason } }),
  phase: exitCode === 0 ? "Succeeded" : "Failed",
});
const disrupted = (reason: string): Status => ({
  ...ends(137),
  conditions: [{ type: "DisruptionTarget", status: "True", reason }],
});

const deletedNow = { deletionTimestamp: "2026-11-25T06:00:58Z" };
const deletedLongAgo = { deletionTimestamp: "2026-11-25T06:00:10Z" };

/** The part of a state that the table distinguishes. */
function brief(state: CellState): string {
  switch (state.state) {
    case "waiting":
      return `waiting for ${state.for}`;
    case "failed":
      return state.kind;
    case "ended":
      return `ended ${state.exitCode}${state.outOfMemory ? " out of memory" : ""}`;
    default:
      return state.state;
  }
}

const quota = 'pods "x" is forbidden: exceeded quota: kgents, requested: limits.cpu=2, used: limits.cpu=10';
const security = 'pods "x" is forbidden: violates PodSecurity "restricted:latest": allowPrivilegeEscalation != false';
const range = 'pods "x" is forbidden: maximum memory usage per Container is 512Mi, but limit is 1Gi';
const policy = "pods \"x\" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request: no";
const webhook = 'admission webhook "w.example.com" denied the request: no';
const priority = 'pods "x" is forbidden: no PriorityClass with name low was found';
const account = 'pods "x" is forbidden: error looking up service account kgents-ephemeral/cell: not found';

test.each<[what: string, seen: Parameters<typeof classifyCell>[0], state: string]>([
  ["no pod yet", { job: job(), pods: [], events: [] }, "waiting for pod"],
  ["quota", { job: job(), pods: [], events: [refused(quota)] }, "waiting for quota"],
  ["Pod Security", { job: job(), pods: [], events: [refused(security)] }, "admission-denied"],
  ["LimitRange", { job: job(), pods: [], events: [refused(range)] }, "admission-denied"],
  ["a policy", { job: job(), pods: [], events: [refused(policy)] }, "admission-denied"],
  ["a webhook", { job: job(), pods: [], events: [refused(webhook)] }, "admission-denied"],
  ["no such priority class", { job: job(), pods: [], events: [refused(priority)] }, "admission-denied"],
  ["a service account that comes later", { job: job(), pods: [], events: [refused(account)] }, "waiting for pod"],
  [
    "the newest refusal counts",
    { job: job(), pods: [], events: [refused(security), refused(quota, "2026-11-25T06:00:30Z")] },
    "waiting for quota",
  ],
  [
    "other events say nothing",
    { job: job(), pods: [], events: [{ ...refused(security), reason: "SuccessfulCreate" }] },
    "waiting for pod",
  ],
  ["the Job is gone", { job: null, pods: [], events: [] }, "cell-deleted"],
  ["the Job is going", { job: job([], created), pods: [], events: [] }, "cell-deleted"],
  ["its pod is gone", { job: jobFailed("BackoffLimitExceeded"), pods: [], events: [] }, "cell-deleted"],
  ["the deadline before a pod", { job: jobFailed("DeadlineExceeded"), pods: [], events: [] }, "cell-start"],
  [
    "a condition that is not true",
    { job: job([{ type: "Failed", status: "False", reason: "DeadlineExceeded" }]), pods: [], events: [] },
    "waiting for pod",
  ],
  ...(
    [
      ["nothing known", {}, "waiting for node"],
      [
        "no node fits",
        { conditions: [{ type: "PodScheduled", status: "False", reason: "Unschedulable", message: "0/1 nodes" }] },
        "waiting for node",
      ],
      [
        "a node, and no word of it",
        { phase: "Pending", conditions: [{ type: "PodScheduled", status: "True" }] },
        "waiting for container",
      ],
      ["being made", waits("ContainerCreating"), "waiting for container"],
      ["a pull that failed once", waits("ErrImagePull"), "waiting for image"],
      ["a pull that is tried again", waits("ImagePullBackOff"), "waiting for image"],
      ["an image's name", waits("InvalidImageName"), "image-pull"],
      ["an image that may not be pulled", waits("ErrImageNeverPull"), "image-pull"],
      ["a configuration", waits("CreateContainerConfigError"), "cell-start"],
      ["a container that cannot be made", waits("CreateContainerError"), "cell-start"],
      ["no shell in the image", ends(128, "StartError"), "cell-start"],
      ["no shell, as another runtime says it", ends(127, "ContainerCannotRun"), "cell-start"],
      ["running", cell({ running: {} }), "running"],
      ["success", ends(0, "Completed"), "ended 0"],
      ["failure", ends(3), "ended 3"],
      // An exit code does not indicate the memory limit.
      ["killed by somebody", ends(137), "ended 137"],
      ["killed for memory", ends(137, "OOMKilled"), "ended 137 out of memory"],
      ["evicted", { phase: "Failed", reason: "Evicted", message: "disk pressure" }, "evicted"],
      ["evicted, though its container was killed", { ...ends(137), reason: "Evicted" }, "evicted"],
      ["the node shuts down", { phase: "Failed", reason: "NodeShutdown" }, "node-lost"],
      ["a better pod came", { phase: "Failed", reason: "Preempting" }, "evicted"],
      ["the node has no cpu left", { phase: "Failed", reason: "OutOfcpu" }, "unschedulable"],
      ["the node has no device left", { phase: "Failed", reason: "OutOfnvidia.com/gpu" }, "unschedulable"],
      ["the Job's deadline", { ...ends(137), reason: "DeadlineExceeded" }, "cell-start"],
      ["drained", disrupted("EvictionByEvictionAPI"), "evicted"],
      ["preempted", disrupted("PreemptionByScheduler"), "evicted"],
      ["ended by its kubelet", disrupted("TerminationByKubelet"), "evicted"],
      ["its node is tainted", disrupted("DeletionByTaintManager"), "node-lost"],
      ["its node is gone", disrupted("DeletionByPodGC"), "node-lost"],
      ["a disruption unknown to us", disrupted("SomethingNew"), "ended 137"],
      ["failed without a container", { phase: "Failed" }, "node-lost"],
      [
        "somebody's init container",
        { phase: "Pending", initContainerStatuses: [container({ terminated: { exitCode: 1 } }, "init")] },
        "cell-start",
      ],
      [
        "an init container that ended well",
        { ...cell({ running: {} }), initContainerStatuses: [container({ terminated: { exitCode: 0 } }, "init")] },
        "running",
      ],
      [
        "only somebody else's container",
        { phase: "Running", containerStatuses: [container({ running: {} }, "injected")] },
        "waiting for node",
      ],
    ] satisfies [string, Status, string][]
  ).map(([what, status, state]): [string, Parameters<typeof classifyCell>[0], string] => [
    what,
    { job: job(), pods: [pod(status)], events: [] },
    state,
  ]),
  ["deleted while it ran", { job: job(), pods: [pod(cell({ running: {} }), deletedNow)], events: [] }, "cell-deleted"],
  ["killed by its deletion", { job: job(), pods: [pod(ends(137), deletedNow)], events: [] }, "cell-deleted"],
  [
    "killed by its deletion long ago",
    { job: null, pods: [pod(ends(137), deletedLongAgo)], events: [] },
    "cell-deleted",
  ],
  [
    "killed for memory, and then deleted",
    { job: job(), pods: [pod(ends(137, "OOMKilled"), deletedNow)], events: [] },
    "ended 137 out of memory",
  ],
  [
    "killed by the Job's own deadline",
    { job: jobFailed("DeadlineExceeded"), pods: [pod(ends(137), deletedNow)], events: [] },
    "ended 137",
  ],
  [
    "about to be killed by the Job's own deadline",
    {
      job: job([{ type: "FailureTarget", status: "True", reason: "DeadlineExceeded" }]),
      pods: [pod(ends(137), deletedNow)],
      events: [],
    },
    "ended 137",
  ],
  [
    "evicted, and deleted by that",
    { job: job(), pods: [pod(disrupted("EvictionByEvictionAPI"), deletedNow)], events: [] },
    "evicted",
  ],
  ["deleted after its end", { job: job(), pods: [pod(ends(0), deletedNow)], events: [] }, "ended 0"],
  [
    "deleted, and no node ends it",
    { job: job(), pods: [pod(cell({ running: {} }), deletedLongAgo)], events: [] },
    "node-lost",
  ],
  [
    "a pod in place of ours",
    {
      job: job(),
      pods: [pod(cell({ running: {} }), { creationTimestamp: "2026-11-25T06:00:40Z" }), pod(ends(0))],
      events: [],
    },
    "ended 0",
  ],
  ["a pod without its Job", { job: null, pods: [pod(ends(0))], events: [] }, "ended 0"],
])("%s", (_what, seen, state) => {
  expect(brief(classifyCell(seen, now))).toBe(state);
});

test("what is said of a failure is what the cluster said", () => {
  const state = classifyCell({ job: job(), pods: [pod(waits("InvalidImageName"))], events: [] }, now);
  expect(state).toMatchObject({ detail: "InvalidImageName: said so" });
});

test("each wait that lasts too long has its failure", () => {
  expect(failureOfWait).toEqual({
    pod: "cell-start",
    quota: "quota-exceeded",
    node: "unschedulable",
    image: "image-pull",
    container: "cell-start",
  });
});

/** Recorded on a real cluster of version 1.34 (`npm run cluster:up`), reduced to the fields that are read. */
const recorded: (ObservedCell & { name: string })[] = JSON.parse(
  await readFile(new URL("recorded-cells.json", import.meta.url), "utf8"),
);

test("recorded cells", () => {
  expect(Object.fromEntries(recorded.map(({ name, ...seen }) => [name, brief(classifyCell(seen, now))]))).toEqual({
    missing: "waiting for image",
    invalid: "image-pull",
    noshell: "cell-start",
    run: "running",
    deleted: "cell-deleted",
    security: "admission-denied",
    // A child was killed for memory. The container keeps running, so only the cell's own counter shows it.
    oom: "running",
    range: "admission-denied",
    quota: "waiting for quota",
  });
});

test("a cell that its deletion has killed may have run code of an earlier worker", () => {
  const state = classifyCell({ job: job(), pods: [pod(ends(137), deletedNow)], events: [] }, now);
  expect(state).toEqual({
    state: "failed",
    kind: "cell-deleted",
    hasRun: true,
    detail: "the cell's pod was deleted from outside",
  });
});
