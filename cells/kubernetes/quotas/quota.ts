/**
 * Computes what ResourceQuotas leave free, from their status, and parses the messages of their refusals. Pure.
 *
 * @module
 */
import { KgentsError } from "#core/contract/error";
import type { CellPodSpec } from "#core/manifest/job-types";
import { formatBytes, formatCpu, parseQuantity } from "#core/text/quantity";

/** A quota as the API server shows it, in Kubernetes' notation. */
export interface Quota {
  readonly name: string;
  readonly hard: Readonly<Record<string, string>>;
  readonly used: Readonly<Record<string, string>>;
}

/** How much of each resource: cpu in thousandths of a core, memory and storage in bytes, objects by their number. */
export type Amounts = Readonly<Record<string, number>>;

/** A quota that does not admit a cell. */
export interface Shortage {
  /** Whether it would refuse the cell even if nothing were used. */
  readonly always: boolean;
  /** A phrase that names the quota. */
  readonly reason: string;
}

const isCpu = (resource: string): boolean => /(?:^|\.)cpu$/.test(resource);
const isBytes = (resource: string): boolean => /(?:^|\.)(?:memory|ephemeral-storage)$/.test(resource);

/** Undefined if the text is missing or not a quantity. */
const parse = (resource: string, text: string | undefined): number | undefined =>
  text === undefined ? undefined : parseQuantity(text, isCpu(resource) ? 1000 : 1);

/**
 * The amount of a resource in a quota; undefined if the quota does not list it.
 *
 * @throws KgentsError `internal` if it cannot be parsed: ignoring the quota would admit cells for which there is no
 * room
 */
function amountIn(quota: string, resource: string, text: string | undefined): number | undefined {
  const amount = parse(resource, text);
  if (amount !== undefined || text === undefined) return amount;
  throw new KgentsError("internal", `the quota ${quota}: ${resource}=${text} is no quantity that kgents can read`);
}

function format(resource: string, amount: number): string {
  if (isCpu(resource)) return formatCpu(amount);
  return isBytes(resource) ? formatBytes(amount) : String(amount);
}

/** The amounts that the Job and the pod of a cell count for. In a quota, plain `cpu` and `memory` mean the requests. */
export function amountsOf({ containers }: CellPodSpec): Amounts {
  const amounts: Record<string, number> = { pods: 1, "count/pods": 1, "count/jobs.batch": 1 };
  const add = (name: string, amount: number): void => {
    amounts[name] = (amounts[name] ?? 0) + amount;
  };
  for (const { resources } of containers) {
    for (const part of ["requests", "limits"] as const) {
      for (const [resource, text] of Object.entries(resources[part])) {
        const amount = parse(resource, text) ?? 0;
        add(`${part}.${resource}`, amount);
        if (part === "requests") add(resource, amount);
      }
    }
  }
  return amounts;
}

/** The failure of a run whose cell can never fit, even after other runs have ended. */
export const neverFits = ({ reason }: Shortage, cause?: unknown): KgentsError =>
  new KgentsError("quota-exceeded", reason, { cause });

const usedUp = (name: string, resource: string, hard: string): string => `the quota ${name}: ${resource}=${hard}`;

const tooLarge = (name: string, resource: string, hard: string, wanted: string): string =>
  `the quota ${name} allows ${resource}=${hard} in all, and the cell counts for ${wanted}`;

/**
 * The first quota that has no room for one more cell; undefined if all of them have room.
 *
 * @param wanted the amounts of the cell
 * @param pending the amounts of admitted cells that `used` may not include yet
 * @throws KgentsError `internal` if a quota cannot be parsed
 */
export function shortageOf(
  quotas: readonly Quota[],
  wanted: Amounts,
  pending: readonly Amounts[],
): Shortage | undefined {
  let full: Shortage | undefined;
  for (const { name, hard, used } of quotas) {
    for (const [resource, amount] of Object.entries(wanted)) {
      const [bound, taken] = [amountIn(name, resource, hard[resource]), amountIn(name, resource, used[resource])];
      if (bound === undefined) continue;
      const written = hard[resource] ?? "";
      if (amount > bound) {
        return { always: true, reason: tooLarge(name, resource, written, format(resource, amount)) };
      }
      if (taken === undefined) continue;
      const soon = pending.reduce((sum, one) => sum + (one[resource] ?? 0), 0);
      if (taken + soon + amount > bound) full ??= { always: false, reason: usedUp(name, resource, written) };
    }
  }
  return full;
}

const listed = (text: string): ReadonlyMap<string, string> =>
  new Map(text.split(",").map((pair) => [pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1)]));

/** Whether the API server's message is a refusal because of a quota. */
export const isQuotaRefusal = (message: string): boolean =>
  /exceeded quota|must specify|status unknown for quota/.test(message);

/** Parses the message of a refusal because of a quota. */
export function shortageIn(refusal: string): Shortage {
  const unsaid = /failed quota: (.+?: must specify .+)/.exec(refusal)?.[1];
  // An admission webhook injects a container without the resources that the quota requires.
  if (unsaid !== undefined) return { always: true, reason: `the quota ${unsaid}` };
  const [, name, requested, limited] =
    /exceeded quota: (\S+), requested: (\S+), used: \S+, limited: (\S+)/.exec(refusal) ?? [];
  if (name === undefined || requested === undefined || limited === undefined) {
    return { always: false, reason: "a quota of the namespace" };
  }
  const wanted = listed(requested);
  for (const [resource, hard] of listed(limited)) {
    const [amount, bound] = [parse(resource, wanted.get(resource)), parse(resource, hard)];
    if (amount !== undefined && bound !== undefined && amount > bound) {
      return { always: true, reason: tooLarge(name, resource, hard, wanted.get(resource) ?? "") };
    }
  }
  const [first = ["", ""]] = listed(limited);
  return { always: false, reason: usedUp(name, ...first) };
}
