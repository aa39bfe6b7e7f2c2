/** Reads the state of one of the canary's pods. */
import type { V1Pod } from "@kubernetes/client-node";
import { reachedMark } from "./canary-objects.ts";

const stateOf = (pod: V1Pod | undefined) => pod?.status?.containerStatuses?.[0]?.state;

/** Whether the pod is gone, or about to go. */
export const isLeaving = (pod: V1Pod | undefined): boolean =>
  pod === undefined || pod.metadata?.deletionTimestamp !== undefined;

/** Whether the pod is ready, which means that it has done its part. */
export const isReady = (pod: V1Pod | undefined): boolean =>
  !isLeaving(pod) && (pod?.status?.conditions ?? []).some(({ type, status }) => type === "Ready" && status === "True");

/** Whether its container has terminated. */
export const hasEnded = (pod: V1Pod | undefined): boolean => stateOf(pod)?.terminated !== undefined;

/** Its exit code; undefined while it runs. */
export const exitCodeOf = (pod: V1Pod | undefined): number | undefined => stateOf(pod)?.terminated?.exitCode;

/** Its termination message. */
export const messageOf = (pod: V1Pod | undefined): string => {
  const ended = stateOf(pod)?.terminated;
  const lines = (ended?.message ?? "").split("\n").filter((line) => !line.startsWith(reachedMark));
  return lines.join("\n").trim() || (ended ? `the canary ended with ${ended.exitCode}` : "");
};

/** Waiting reasons that the kubelet does not soon recover from. */
const finalReasons: readonly string[] = [
  "ImagePullBackOff",
  "InvalidImageName",
  "ErrImageNeverPull",
  "CreateContainerConfigError",
  "CreateContainerError",
  "RunContainerError",
];

/** Why the pod cannot run, if that is certain. */
export function obstacleOf(pod: V1Pod): string | undefined {
  const { waiting } = stateOf(pod) ?? {};
  if (waiting?.reason !== undefined && finalReasons.includes(waiting.reason)) {
    return `a pod does not start: ${waiting.reason}: ${waiting.message ?? "no more is said"}`;
  }
  // A container's own exit is reported by its exit code; this is a pod that was ended from outside.
  const { phase, reason, message } = pod.status ?? {};
  return phase === "Failed" && reason ? `a pod was ended: ${reason}: ${message ?? "no more is said"}` : undefined;
}

/** The message for pods that were not ready when the time limit passed. */
export function whyNotStarted(pods: readonly V1Pod[]): string {
  const waiting = pods.find((pod) => !isReady(pod));
  const unscheduled = waiting?.status?.conditions?.find(
    ({ type, status }) => type === "PodScheduled" && status === "False",
  );
  const why = unscheduled?.message ?? stateOf(waiting)?.waiting?.message ?? stateOf(waiting)?.waiting?.reason;
  return `the canary's pods did not come far enough${why === undefined ? "" : ` (${why})`}`;
}
