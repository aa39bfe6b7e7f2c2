import { refuse } from "../contract/refusal.ts";
import type { ExecutionSpec } from "../contract/request.ts";
import { formatBytes, formatCpu } from "../text/quantity.ts";
import type { WorkerPolicy } from "./configuration.ts";

// Exact, because rounded a value could read like the maximum that it is above.
const formatSeconds = (milliseconds: number): string => `${milliseconds / 1000} s`;

const formats = { timeout: formatSeconds, cpu: formatCpu, memory: formatBytes, disk: formatBytes } as const;
const limited = ["timeout", "cpu", "memory", "disk"] as const;

/** What one machine has: thousandths of a core and bytes. */
export type MachineLimits = Readonly<Record<"cpu" | "memory" | "disk", number>>;

/**
 * Refuses a request that asks for more than the worker's machine has, where the worker's policy does not set another maximum:
 * for runs in the local sandbox. In a cluster that is the quota's and the scheduler's to say.
 *
 * @throws KgentsError `policy-violation`, naming the field, its value and what the machine has
 */
export function applyMachine(
  spec: ExecutionSpec,
  { limits }: Pick<WorkerPolicy, "limits">,
  machine: MachineLimits,
): void {
  for (const field of ["cpu", "memory", "disk"] as const) {
    if (limits[field] !== undefined || spec[field] <= machine[field]) continue;
    const format = formats[field];
    const has = `at most ${format(machine[field])}, which is what the worker's machine has`;
    throw refuse("policy-violation", field, format(spec[field]), has);
  }
}

/** Whether a list of images allows one: by its whole name, or by the beginning that stands before a `*`. */
const allowsImage = (images: readonly string[], image: string): boolean =>
  images.some((entry) => (entry.endsWith("*") ? image.startsWith(entry.slice(0, -1)) : image === entry));

/**
 * Lowers limits that a request does not name to what this worker allows: a default is nobody's wish, and must not be refused.
 *
 * @param request as it came, checked
 */
export function lowerDefaults(
  spec: ExecutionSpec,
  request: unknown,
  { limits }: Pick<WorkerPolicy, "limits">,
): ExecutionSpec {
  const named = new Map<string, unknown>(
    typeof request === "object" && request !== null ? Object.entries(request) : [],
  );
  const lowered = limited
    .filter((field) => named.get(field) === undefined)
    .map((field) => [field, Math.min(spec[field], limits[field] ?? spec[field])] as const);
  return { ...spec, ...Object.fromEntries(lowered) };
}

/**
 * Refuses a request that asks for more than this worker allows. Images that come from the table of languages are the
 * worker's own and always allowed. Which backends it serves is decided where the backend is chosen.
 *
 * @throws KgentsError `policy-violation`, naming the field, its value and what is allowed
 */
export function applyPolicy(
  spec: ExecutionSpec,
  { limits, images, network }: Pick<WorkerPolicy, "limits" | "images" | "network">,
): void {
  for (const field of limited) {
    const maximum = limits[field];
    if (maximum === undefined || spec[field] <= maximum) continue;
    const format = formats[field];
    throw refuse("policy-violation", field, format(spec[field]), `at most ${format(maximum)} on this worker`);
  }
  if (spec.image !== undefined && images !== undefined && !allowsImage(images, spec.image)) {
    const list = images.length > 0 ? `one of ${images.join(", ")}` : "the languages' own";
    throw refuse("policy-violation", "image", spec.image, `${list} on this worker`);
  }
  if (spec.network && !network) throw refuse("policy-violation", "network", "true", "false on this worker");
}
