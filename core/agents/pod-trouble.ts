/**
 * Why a pod does not become ready, from what the kubelet and the scheduler say of it.
 *
 * @module
 */
import type { ReadyReason } from "./agent-status-schema.ts";
import type { LiveContainer, LivePod, LiveTermination } from "./live-state.ts";

/** A reason why an Agent is not ready, and the words of the component that says so. */
export interface Trouble {
  readonly reason: ReadyReason;
  readonly message: string;
}

const imageReasons = new Set([
  "ErrImagePull",
  "ImagePullBackOff",
  "InvalidImageName",
  "ErrImageNeverPull",
  "ImageInspectError",
  "RegistryUnavailable",
  "SignatureValidationFailed",
]);

const configReasons = new Set([
  "CreateContainerConfigError",
  "CreateContainerError",
  "RunContainerError",
  "PreStartHookError",
]);

/** The order in which reasons are looked for, when pods have different ones. */
const order: readonly ReadyReason[] = ["ImagePull", "ConfigError", "CrashLoop", "Unschedulable"];

const longestWords = 400;

const joined = (...parts: readonly (string | undefined)[]): string =>
  parts.filter((part) => part !== undefined && part !== "").join(": ");

/**
 * The kubelet alternates between the failed pull and the wait for the next one. Both are said in the same words, so that
 * the status does not change with each attempt.
 */
const pullWords = (message = ""): string =>
  message.replace(/^Back-off pulling image "[^"]*"(?:: )?/, "").replace(/^(?:ErrImagePull|ImagePullBackOff): /, "");

/** The last line that a container wrote, which for most programs says what went wrong. */
const lastLine = (message = ""): string => (message.trim().split("\n").at(-1) ?? "").trim().slice(-longestWords);

/** How a container ended. Without the number of restarts, which would change the status each time. */
export function endInWords({ exitCode, signal, reason, message }: LiveTermination): string {
  const how = signal ? `signal ${signal}` : `exit code ${exitCode ?? "unknown"}`;
  const why = reason === undefined || reason === "Error" || reason === "Completed" ? "" : ` (${reason})`;
  return joined(`ended with ${how}${why}`, lastLine(message));
}

function containerTrouble(container: LiveContainer): Trouble | undefined {
  const { waiting, terminated } = container.state ?? {};
  const { reason = "", message } = waiting ?? {};
  const where = `container ${container.name}`;
  if (imageReasons.has(reason)) return { reason: "ImagePull", message: joined(where, pullWords(message) || reason) };
  // The image has no such program, or none for this machine.
  const end = terminated ?? container.lastState?.terminated;
  if (end?.reason === "StartError" || end?.reason === "ContainerCannotRun") {
    return { reason: "ConfigError", message: joined(where, end.reason, lastLine(end.message)) };
  }
  if (configReasons.has(reason)) return { reason: "ConfigError", message: joined(where, reason, message) };
  // It ended, and will be started again. One that runs again may go on to run.
  const hasEnded = end !== undefined && (waiting !== undefined || terminated !== undefined);
  return hasEnded ? { reason: "CrashLoop", message: joined(where, endInWords(end)) } : undefined;
}

/** Init containers that others inject end before the program starts. A sidecar does not. */
const hasDoneItsWork = ({ state }: LiveContainer): boolean => state?.terminated?.exitCode === 0;

function podTrouble({ metadata, status }: LivePod): Trouble | undefined {
  const unscheduled = status?.conditions?.find(
    ({ type, status: holds, reason }) => type === "PodScheduled" && holds === "False" && reason === "Unschedulable",
  );
  const before = (status?.initContainerStatuses ?? []).filter((container) => !hasDoneItsWork(container));
  const containers = [...before, ...(status?.containerStatuses ?? [])];
  const found = unscheduled
    ? { reason: "Unschedulable" as const, message: unscheduled.message ?? "" }
    : containers.map(containerTrouble).find((trouble) => trouble !== undefined);
  return found && { reason: found.reason, message: joined(`pod ${metadata?.name ?? ""}`, found.message) };
}

const isReady = ({ status }: LivePod): boolean =>
  status?.conditions?.some((condition) => condition.type === "Ready" && condition.status === "True") ?? false;

/** Whether a pod is past help: its replacement counts. */
const isOver = ({ metadata, status }: LivePod): boolean =>
  metadata?.deletionTimestamp !== undefined || status?.phase === "Failed" || status?.phase === "Succeeded";

/** The gravest trouble of an Agent's pods; undefined if none of them has any that is known. */
export function troubleOf(pods: readonly LivePod[]): Trouble | undefined {
  const named = pods
    .filter((pod) => !isOver(pod) && !isReady(pod))
    .sort((a, b) => ((a.metadata?.name ?? "") < (b.metadata?.name ?? "") ? -1 : 1));
  const found = named.map(podTrouble).filter((trouble) => trouble !== undefined);
  return order.map((reason) => found.find((trouble) => trouble.reason === reason)).find((trouble) => trouble);
}
