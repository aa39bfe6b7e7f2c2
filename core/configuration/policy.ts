import { refuse } from "../contract/refusal.ts";
import type { ExecutionSpec } from "../contract/request.ts";
import { formatBytes, formatCpu } from "../text/quantity.ts";
import type { WorkerPolicy } from "./configuration.ts";

// Not rounded: a rounded value could look equal to the maximum that it exceeds.
const formatSeconds = (milliseconds: number): string => `${milliseconds / 1000} s`;

const formats = { timeout: formatSeconds, cpu: formatCpu, memory: formatBytes, disk: formatBytes } as const;
const limited = ["timeout", "cpu", "memory", "disk"] as const;

/** Resources of one machine: millicores and bytes. */
export type MachineLimits = Readonly<Record<"cpu" | "memory" | "disk", number>>;

/**
 * Refuses a request that asks for more than the worker's machine has. A maximum in the worker's policy takes
 * precedence. Applies to the local sandbox only; in a cluster the quota and the scheduler decide.
 *
 * @throws KgentsError `policy-violation`, naming the field, its value and what the machine has
 */
export function applyMachine(
  wanted: MachineLimits,
  { limits }: Pick<WorkerPolicy, "limits">,
  machine: MachineLimits,
): void {
  for (const field of ["cpu", "memory", "disk"] as const) {
    if (limits[field] !== undefined || wanted[field] <= machine[field]) continue;
    const format = formats[field];
    const has = `at most ${format(machine[field])}, which the worker's machine has`;
    throw refuse("policy-violation", field, format(wanted[field]), has);
  }
}

/** Whether a list of images allows one: by exact match, or by prefix if the entry ends with `*`. */
const allowsImage = (images: readonly string[], image: string): boolean =>
  images.some((entry) => (entry.endsWith("*") ? image.startsWith(entry.slice(0, -1)) : image === entry));

/** The limits of a request, of a session, or of a call of one. A session has no `timeout`, its calls have nothing else. */
type Limited = Partial<Pick<ExecutionSpec, (typeof limited)[number]>>;

/** What else of a request the policy is about. */
type Governed = Limited & Partial<Pick<ExecutionSpec, "image" | "network">>;

/**
 * Lowers limits that a request leaves out to the worker's maxima. The caller did not choose a default, so it must not
 * be refused.
 *
 * @param request the validated request before defaults were applied
 */
export function lowerDefaults<Spec extends Limited>(
  spec: Spec,
  request: unknown,
  { limits }: Pick<WorkerPolicy, "limits">,
): Spec {
  const named = new Map<string, unknown>(
    typeof request === "object" && request !== null ? Object.entries(request) : [],
  );
  const lowered = limited.flatMap((field) => {
    const value = spec[field];
    if (value === undefined || named.get(field) !== undefined) return [];
    return [[field, Math.min(value, limits[field] ?? value)] as const];
  });
  return { ...spec, ...Object.fromEntries(lowered) };
}

/**
 * Refuses a request that asks for more than this worker allows. Images from the worker's language table are always
 * allowed. Backends are not checked here, but where the backend is chosen.
 *
 * @throws KgentsError `policy-violation`, naming the field, its value and what is allowed
 */
export function applyPolicy(
  spec: Governed,
  { limits, images, network }: Pick<WorkerPolicy, "limits" | "images" | "network">,
): void {
  for (const field of limited) {
    const maximum = limits[field];
    const value = spec[field];
    if (maximum === undefined || value === undefined || value <= maximum) continue;
    const format = formats[field];
    throw refuse("policy-violation", field, format(value), `at most ${format(maximum)} on this worker`);
  }
  if (spec.image !== undefined && images !== undefined && !allowsImage(images, spec.image)) {
    const list = images.length > 0 ? `one of ${images.join(", ")}` : "the languages' own";
    throw refuse("policy-violation", "image", spec.image, `${list} on this worker`);
  }
  if (spec.network && !network) throw refuse("policy-violation", "network", "true", "false on this worker");
}
