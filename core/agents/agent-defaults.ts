/**
 * What an Agent's spec leaves open. These values are not stored with the object: a later release may change them, and
 * `status` says what was used.
 *
 * @module
 */
import { builtInLanguages, findLanguage } from "../contract/language.ts";
import { formatBytes, formatCpu, parseQuantity } from "../text/quantity.ts";
import type { AgentResources } from "./agent.ts";

const mebibyte = 2 ** 20;

/** The defaults of the operator. Amounts are in millicores and bytes, times in seconds. */
export const agentDefaults = {
  /** Python's image of `kgents exec`. */
  image: findLanguage(builtInLanguages, "python").image,
  cpu: 100,
  memory: 256 * mebibyte,
  /** The size of /state. */
  state: 64 * mebibyte,
  /** The size of /tmp. */
  temporary: 128 * mebibyte,
  /** Room for the containers' logs, which count as disk. */
  logs: 64 * mebibyte,
  /** The user and group of the original's images. */
  userId: 1000,
  terminationGraceSeconds: 30,
  probePeriodSeconds: 10,
  probeFailureThreshold: 3,
  /** How long a program without a probe must run until it counts as available. */
  minimumReadySeconds: 5,
  /** How long a rollout may make no progress. */
  progressDeadlineSeconds: 120,
  /** How many earlier ReplicaSets are kept. */
  revisions: 3,
} as const;

/** The size of /state in bytes. */
export const stateBytes = (size: string | number | undefined): number =>
  (size === undefined ? undefined : parseQuantity(String(size))) ?? agentDefaults.state;

const cpuOf = (value: string | number | undefined) =>
  value === undefined ? undefined : parseQuantity(String(value), 1000);
const bytesOf = (value: string | number | undefined) =>
  value === undefined ? undefined : parseQuantity(String(value));

/** The limit and the request of one resource. A request without a limit raises the default limit. */
function amounts(limit: number | undefined, request: number | undefined, usual: number) {
  const limits = limit ?? Math.max(usual, request ?? 0);
  return { limit: limits, request: request ?? Math.ceil(limits / 2) };
}

/** Limits and requests of a container, as Kubernetes quantities. */
export interface ContainerResources {
  readonly requests: Readonly<Record<"cpu" | "memory" | "ephemeral-storage", string>>;
  readonly limits: Readonly<Record<"cpu" | "memory" | "ephemeral-storage", string>>;
}

/**
 * The resources of a container.
 *
 * @param state the size of /state in bytes, which counts as disk
 */
export function containerResources(
  resources: AgentResources = {},
  state: number = agentDefaults.state,
): ContainerResources {
  const { requests = {} } = resources;
  const cpu = amounts(cpuOf(resources.cpu), cpuOf(requests.cpu), agentDefaults.cpu);
  const memory = amounts(bytesOf(resources.memory), bytesOf(requests.memory), agentDefaults.memory);
  const disk = amounts(
    bytesOf(resources.ephemeralStorage),
    bytesOf(requests.ephemeralStorage),
    state + agentDefaults.temporary + agentDefaults.logs,
  );
  const of = (which: "limit" | "request") => ({
    cpu: formatCpu(cpu[which]),
    memory: formatBytes(memory[which]),
    "ephemeral-storage": formatBytes(disk[which]),
  });
  return { requests: of("request"), limits: of("limit") };
}
