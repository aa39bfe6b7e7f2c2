/**
 * Classifies the state of a cell in the cluster: a pure function of its Job, its pods and the Job's events.
 *
 * The order matters. Actions of the node or the control plane on the pod take precedence over the state of its
 * containers, because the container of an evicted pod looks like one that was killed. An exit code alone says nothing
 * about memory.
 *
 * @module
 */
import type { FailureKind } from "#core/contract/failure";
import { admissionWords } from "../api/cluster-error.ts";
import type { ObservedCell, ObservedContainer, ObservedEvent, ObservedJob, ObservedPod } from "../api/observed-cell.ts";
import { isQuotaRefusal } from "../quotas/quota.ts";

/** The container in which the supervisor runs. */
export const cellContainer = "cell";

/** What a cell waits for before its supervisor runs. */
export type Wait = "pod" | "quota" | "node" | "image" | "container";

/** The state of a cell. */
export type CellState =
  /** It may still start; the startup time-out bounds the wait. */
  | { readonly state: "waiting"; readonly for: Wait; readonly detail: string }
  | { readonly state: "running"; readonly pod: string; readonly podUid: string | undefined }
  /** The supervisor's container has ended. */
  | {
      readonly state: "ended";
      readonly pod: string;
      readonly podUid: string | undefined;
      readonly exitCode: number;
      readonly outOfMemory: boolean;
    }
  /**
   * It will never run, or was deleted. `hasRun`: its supervisor had started, so an earlier worker may have started the
   * code.
   */
  | { readonly state: "failed"; readonly kind: FailureKind; readonly detail: string; readonly hasRun?: true };

/** The failure of a run whose startup time-out expires while its cell waits. */
export const failureOfWait: Readonly<Record<Wait, FailureKind>> = {
  pod: "cell-start",
  quota: "quota-exceeded",
  node: "unschedulable",
  image: "image-pull",
  container: "cell-start",
};

const waiting = (what: Wait, detail: string): CellState => ({ state: "waiting", for: what, detail });
const failed = (kind: FailureKind, detail: string): CellState => ({ state: "failed", kind, detail });

/**
 * How long a node may take to terminate a deleted pod, which has no grace period, before the node counts as lost. In
 * milliseconds.
 */
const deletionPatienceMilliseconds = 30_000;

const deletedFromOutside = "the cell's pod was deleted from outside";

const newestFirst = (a: ObservedEvent, b: ObservedEvent): number =>
  Date.parse(b.lastTimestamp) - Date.parse(a.lastTimestamp);

/** Classifies a Job without pods. If its pods are refused, only an event says so. */
function withoutPod(job: ObservedJob, events: readonly ObservedEvent[]): CellState {
  const over = job.status?.conditions?.find(({ type, status }) => type === "Failed" && status === "True");
  if (over?.reason === "DeadlineExceeded") return failed("cell-start", "the Job's deadline passed before it had a pod");
  if (over) return failed("cell-deleted", `the cell's pod was deleted from outside: ${over.message ?? over.reason}`);
  const refused = events.filter(({ reason }) => reason === "FailedCreate").sort(newestFirst)[0];
  if (refused === undefined) return waiting("pod", "the Job has no pod yet");
  if (isQuotaRefusal(refused.message)) return waiting("quota", refused.message);
  if (admissionWords.test(refused.message)) return failed("admission-denied", refused.message);
  return waiting("pod", refused.message);
}

/** Reasons in a pod's own status: actions of the kubelet or a controller on the whole pod. */
const podReasons: Readonly<Record<string, FailureKind>> = {
  Evicted: "evicted",
  Preempting: "evicted",
  Shutdown: "node-lost",
  NodeShutdown: "node-lost",
  Terminated: "node-lost",
  NodeLost: "node-lost",
  NodeAffinity: "unschedulable",
  OutOfcpu: "unschedulable",
  OutOfmemory: "unschedulable",
  OutOfpods: "unschedulable",
  "OutOfephemeral-storage": "unschedulable",
  DeadlineExceeded: "cell-start",
  UnexpectedAdmissionError: "cell-start",
};

/** Reasons of the condition DisruptionTarget: which component removed the pod. */
const disruptions: Readonly<Record<string, FailureKind>> = {
  EvictionByEvictionAPI: "evicted",
  PreemptionByScheduler: "evicted",
  TerminationByKubelet: "evicted",
  DeletionByTaintManager: "node-lost",
  DeletionByPodGC: "node-lost",
};

/** Reasons of a waiting container that do not resolve by waiting. */
const finalWaits: Readonly<Record<string, FailureKind>> = {
  InvalidImageName: "image-pull",
  ErrImageNeverPull: "image-pull",
  CreateContainerConfigError: "cell-start",
  CreateContainerError: "cell-start",
  RunContainerError: "cell-start",
};

/** Reasons for an image that has no program of the supervisor's name, or none that this node can run. */
const cannotStart = new Set(["StartError", "ContainerCannotRun"]);

const words = (...parts: readonly (string | undefined)[]): string =>
  parts.filter((part) => part !== undefined && part !== "").join(": ");

function byNode({ status }: ObservedPod): CellState | undefined {
  const reason = status?.reason ?? "";
  // The kubelet's reason for a resource that was taken meanwhile; extended ones, such as nvidia.com/gpu, have any name.
  const kind = podReasons[reason] ?? (/^OutOf.+\//.test(reason) ? "unschedulable" : undefined);
  if (kind) return failed(kind, words(status?.reason, status?.message));
  const target = status?.conditions?.find((one) => one.type === "DisruptionTarget" && one.status === "True");
  const disruption = disruptions[target?.reason ?? ""];
  return disruption && failed(disruption, words(target?.reason, target?.message));
}

function byContainer(
  { name: pod, uid: podUid }: ObservedPod["metadata"],
  container: ObservedContainer,
): CellState | undefined {
  const { waiting: wait, running, terminated } = container.state ?? {};
  if (terminated) {
    const { exitCode, reason, message } = terminated;
    if (cannotStart.has(reason ?? "")) return failed("cell-start", words(reason, message));
    return { state: "ended", pod, podUid, exitCode, outOfMemory: reason === "OOMKilled" };
  }
  if (running) return { state: "running", pod, podUid };
  if (!wait) return undefined;
  const detail = words(wait.reason, wait.message);
  const final = finalWaits[wait.reason ?? ""];
  if (final) return failed(final, detail);
  // This can be transient: a slow registry, or a credential that is being renewed.
  const isPull = wait.reason === "ErrImagePull" || wait.reason === "ImagePullBackOff";
  return waiting(isPull ? "image" : "container", detail);
}

/**
 * Classifies init containers, which an admission webhook may inject. If one fails, the cell's container never starts.
 */
function byInitContainers({ status }: ObservedPod): CellState | undefined {
  const broken = status?.initContainerStatuses?.find((one) => (one.state?.terminated?.exitCode ?? 0) !== 0);
  const { reason, message, exitCode } = broken?.state?.terminated ?? {};
  return (
    broken && failed("cell-start", words(`the init container ${broken.name} exited with ${exitCode}`, reason, message))
  );
}

function byDeletion({ metadata }: ObservedPod, now: Date): CellState | undefined {
  if (metadata.deletionTimestamp === undefined) return undefined;
  if (now.getTime() - Date.parse(metadata.deletionTimestamp) > deletionPatienceMilliseconds) {
    return failed("node-lost", "the pod was deleted, and its node does not end it");
  }
  return failed("cell-deleted", deletedFromOutside);
}

/**
 * The exit code after SIGKILL. A node kills a deleted pod with SIGKILL, because the supervisor does not handle SIGTERM
 * while the code runs.
 */
const killedExit = 137;

/** Whether the Job's own deadline ended its pod. */
const isOverdue = (job: ObservedJob | null): boolean =>
  job?.status?.conditions?.some(({ reason, status }) => reason === "DeadlineExceeded" && status === "True") ?? false;

/**
 * Whether a cell ended because its pod was deleted from outside. A cell that the run itself ends exits from inside with
 * another exit code, or is deleted when no worker observes it any more.
 */
const endedByDeletion = (
  job: ObservedJob | null,
  { metadata }: ObservedPod,
  { exitCode, outOfMemory }: Extract<CellState, { state: "ended" }>,
): boolean => metadata.deletionTimestamp !== undefined && exitCode === killedExit && !outOfMemory && !isOverdue(job);

function ofPod(job: ObservedJob | null, pod: ObservedPod, now: Date): CellState {
  const { status } = pod;
  const known = byNode(pod) ?? byInitContainers(pod);
  if (known) return known;
  const cell = status?.containerStatuses?.find(({ name }) => name === cellContainer);
  const said = cell && byContainer(pod.metadata, cell);
  if (said?.state === "ended" && endedByDeletion(job, pod, said)) {
    return { state: "failed", kind: "cell-deleted", detail: deletedFromOutside, hasRun: true };
  }
  // The exit of the container takes precedence, even if the pod was deleted afterwards.
  if (said?.state === "ended" || said?.state === "failed") return said;
  const deleted = byDeletion(pod, now);
  if (deleted) return deleted;
  if (said) return said;
  if (status?.phase === "Failed") return failed("node-lost", words("the pod failed", status.reason, status.message));
  const scheduled = status?.conditions?.find(({ type }) => type === "PodScheduled");
  if (scheduled?.status === "True") return waiting("container", "the pod has a node, which has not said anything yet");
  return waiting("node", words(scheduled?.reason, scheduled?.message) || "the scheduler has not seen the pod yet");
}

/**
 * Classifies the state of a cell.
 *
 * @param now the current time, to compute how long a deletion has been in progress
 */
export function classifyCell({ job, pods, events }: ObservedCell, now: Date): CellState {
  // There can be several pods if the Job was replaced or its pod deleted. Only the oldest can be the one that was
  // watched.
  const [first] = pods.toSorted(
    (a, b) => Date.parse(a.metadata.creationTimestamp) - Date.parse(b.metadata.creationTimestamp),
  );
  if (first) return ofPod(job, first, now);
  if (!job || job.metadata.deletionTimestamp !== undefined) {
    return failed("cell-deleted", "the cell's Job was deleted from outside");
  }
  return withoutPod(job, events);
}
