/**
 * The latest updates of a session and their answers. The server knows the update ids of one execution only; this is the
 * memory across continue-as-new.
 *
 * @module
 */
import { ApplicationFailure } from "@temporalio/workflow";
import { failureOf } from "../failure.ts";

/** How many ids are kept. */
const maximumUpdates = 100;
/** How much of their answers is kept, in UTF-16 units of JSON. */
const maximumLength = 512 * 1024;

/** An update that has ended. */
export interface RecentUpdate {
  readonly id: string;
  /** Absent if it failed, or if the answer is not kept any more. */
  readonly answer?: { readonly value: unknown; readonly length: number };
  readonly failure?: { readonly type: string; readonly message: string; readonly details: unknown };
}

/** The memory of a session. */
export interface RecentUpdates {
  /**
   * The answer of an update that has ended before; undefined if it is new.
   *
   * @throws its failure; ApplicationFailure `not-found` if its answer is not kept any more
   */
  readonly find: (id: string) => { readonly value: unknown } | undefined;
  readonly add: (id: string, value: unknown) => void;
  readonly addFailure: (id: string, error: ApplicationFailure) => void;
  readonly all: () => readonly RecentUpdate[];
}

/** Drops the oldest answers, and then the oldest ids, until the rest is within the bounds. */
export function withinBounds(updates: readonly RecentUpdate[]): RecentUpdate[] {
  let length = 0;
  const kept = updates.slice(-maximumUpdates).reverse();
  return kept
    .map((update) => {
      length += update.answer?.length ?? 0;
      return update.answer && length > maximumLength ? { id: update.id } : update;
    })
    .reverse();
}

/** Creates the memory, with what an earlier execution has kept. */
export function createRecentUpdates(before: readonly RecentUpdate[]): RecentUpdates {
  let updates = [...before];
  const add = (update: RecentUpdate): void => {
    updates = withinBounds([...updates, update]);
  };
  return {
    find: (id) => {
      const found = updates.find((update) => update.id === id);
      if (found === undefined) return undefined;
      if (found.failure) {
        const { type, message, details } = found.failure;
        throw ApplicationFailure.create({ type, message, nonRetryable: true, details: [details] });
      }
      if (found.answer) return found.answer;
      throw failureOf("not-found", `the update ${id} was carried out before; its answer is not kept any more`);
    },
    add: (id, value) => add({ id, answer: { value, length: JSON.stringify(value).length } }),
    addFailure: (id, { type, message, details }) =>
      add({ id, failure: { type: type ?? "internal", message, details: details?.[0] ?? null } }),
    all: () => updates,
  };
}
