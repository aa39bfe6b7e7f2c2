/**
 * What ResourceQuotas leave: pure arithmetic over what they say of themselves, and the words of their refusals.
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

/** A quota that keeps a cell out. */
export interface Lack {
  /** Whether it would do so if nothing of it were used. */
  readonly always: boolean;
  /** Which it is, in a phrase. */
  readonly words: string;
}

const isCpu = (resource: string): boolean => /(?:^|\.)cpu$/.test(resource);
const isBytes = (resource: string): boolean => /(?:^|\.)(?:memory|ephemeral-storage)$/.test(resource);

/** Undefined where there is none, or it is no quantity. */
const parse = (resource: string, text: string | undefined): number | undefined =>
  text === undefined ? undefined : parseQuantity(text, isCpu(resource) ? 1000 : 1);

/**
 * What a quota says of a resource; undefined where it says nothing.
 *
 * @throws KgentsError `internal` where it cannot be read: to ignore the quota would let in cells for which there is no room
 */
function amountIn(quota: string, resource: string, text: string | undefined): number | undefined {
  const amount = parse(resource, text);
  if (amount !== undefined || text === undefined) return amount;
  throw new KgentsError("internal", `the quota ${quota}: ${resource}=${text} is no quantity that kgents can read`);
}

const format = (resource: string, amount: number): string =>
  isCpu(resource) ? formatCpu(amount) : isBytes(resource) ? formatBytes(amount) : String(amount);

/** What the Job and the pod of a cell count for. What a quota calls `cpu` or `memory` is what is requested. */
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

/** The failure of a run whose cell no end of another run makes room for. */
export const neverFits = ({ words }: Lack, cause?: unknown): KgentsError =>
  new KgentsError("quota-exceeded", words, { cause });

const boundWords = (name: string, resource: string, hard: string): string => `the quota ${name}: ${resource}=${hard}`;

const neverWords = (name: string, resource: string, hard: string, wanted: string): string =>
  `the quota ${name} allows ${resource}=${hard} in all, and the cell counts for ${wanted}`;

/**
 * The first quota that has no room for one more cell; undefined where all of them have.
 *
 * @param wanted what the cell counts for
 * @param pending what cells count for that were let in and that `used` may not show yet
 * @throws KgentsError `internal` where a quota cannot be read
 */
export function shortageOf(quotas: readonly Quota[], wanted: Amounts, pending: readonly Amounts[]): Lack | undefined {
  let full: Lack | undefined;
  for (const { name, hard, used } of quotas) {
    for (const [resource, amount] of Object.entries(wanted)) {
      const [bound, taken] = [amountIn(name, resource, hard[resource]), amountIn(name, resource, used[resource])];
      if (bound === undefined) continue;
      const written = hard[resource] ?? "";
      if (amount > bound) {
        return { always: true, words: neverWords(name, resource, written, format(resource, amount)) };
      }
      if (taken === undefined) continue;
      const soon = pending.reduce((sum, one) => sum + (one[resource] ?? 0), 0);
      if (taken + soon + amount > bound) full ??= { always: false, words: boundWords(name, resource, written) };
    }
  }
  return full;
}

const listed = (text: string): ReadonlyMap<string, string> =>
  new Map(text.split(",").map((pair) => [pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1)]));

/** Whether the API server refused something because of a quota, by its words. */
export const isQuotaRefusal = (message: string): boolean =>
  /exceeded quota|must specify|status unknown for quota/.test(message);

/** What a refusal because of a quota says. */
export function lackIn(refusal: string): Lack {
  const unsaid = /failed quota: (.+?: must specify .+)/.exec(refusal)?.[1];
  // Somebody's admission puts a container into the pod that does not say what the quota counts.
  if (unsaid !== undefined) return { always: true, words: `the quota ${unsaid}` };
  const [, name, requested, limited] =
    /exceeded quota: (\S+), requested: (\S+), used: \S+, limited: (\S+)/.exec(refusal) ?? [];
  if (name === undefined || requested === undefined || limited === undefined) {
    return { always: false, words: "a quota of the namespace" };
  }
  const wanted = listed(requested);
  for (const [resource, hard] of listed(limited)) {
    const [amount, bound] = [parse(resource, wanted.get(resource)), parse(resource, hard)];
    if (amount !== undefined && bound !== undefined && amount > bound) {
      return { always: true, words: neverWords(name, resource, hard, wanted.get(resource) ?? "") };
    }
  }
  const [first = ["", ""]] = listed(limited);
  return { always: false, words: boundWords(name, ...first) };
}
