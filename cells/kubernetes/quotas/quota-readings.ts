import { ClusterError, toRunFailure } from "../api/cluster-error.ts";
import type { OwnCells } from "../api/own-cells.ts";
import { listQuotas } from "./list-quotas.ts";
import type { Quota } from "./quota.ts";

/**
 * How long a reading of the quotas is reused, in milliseconds. Bounds the requests, regardless of the number of waiting
 * cells.
 */
const lifetime = 1000;
const answerMilliseconds = 2000;

/** One reading of the quotas. */
export interface Reading {
  /** When it began, as `performance.now()`. */
  readonly begun: number;
  readonly quotas: readonly Quota[];
}

const isDenied = ({ status }: ClusterError): boolean => status === 401 || status === 403;

/** Reads the quotas that apply to every pod. Quotas with scopes are skipped, because they may not apply to cells. */
async function readQuotas({ client }: OwnCells): Promise<readonly Quota[]> {
  const items = await listQuotas(client, answerMilliseconds);
  return items
    .filter(({ spec }) => spec?.scopeSelector === undefined && (spec?.scopes ?? []).length === 0)
    .map(({ metadata, spec, status }) => ({
      name: metadata?.name ?? "",
      hard: status?.hard ?? spec?.hard ?? {},
      used: status?.used ?? {},
    }));
}

/**
 * Creates a function that reads the quotas, or returns a reading that is less than a second old. It rejects with a
 * KgentsError if they cannot be read and never were. Without the permission to read them there are no quotas.
 */
export function quotaReader(log: (line: string) => void): (own: OwnCells) => Promise<Reading> {
  let last: { readonly begun: number; readonly reading: Promise<Reading>; over: boolean } | undefined;
  let good: Reading | undefined;
  let isLogged = false;
  const read = async (own: OwnCells, begun: number): Promise<Reading> => {
    try {
      good = { begun, quotas: await readQuotas(own) };
      return good;
    } catch (error) {
      // Reuse the last reading if the server is busy. Without quotas, all waiting cells would be created at once.
      if (!(error instanceof ClusterError && isDenied(error))) {
        if (good) return good;
        throw error instanceof ClusterError ? toRunFailure(error) : error;
      }
      if (!isLogged) log(`the quotas of ${own.client.namespace} cannot be read, and no run waits for them: ${error}`);
      isLogged = true;
      return { begun, quotas: [] };
    }
  };
  return (own) => {
    const begun = performance.now();
    if (last && (!last.over || begun - last.begun < lifetime)) return last.reading;
    const current = { begun, reading: read(own, begun), over: false };
    last = current;
    const end = (): void => {
      current.over = true;
    };
    current.reading.then(end, end);
    return current.reading;
  };
}
