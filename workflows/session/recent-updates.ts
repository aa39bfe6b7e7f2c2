/**
 * The latest updates of a session and their answers. The server knows the update ids of one execution only; this is the
 * memory across continue-as-new.
 *
 * @module
 */
import { ApplicationFailure } from "@temporalio/workflow";
import { utf8Length } from "#core/text/bytes";
import { failureOf } from "../failure.ts";

/** How many ids are kept. */
const maximumUpdates = 100;
/** How much of their answers and failures is kept, in bytes of JSON. */
const maximumBytes = 512 * 1024;

/** An update that has ended. */
export interface RecentUpdate {
  readonly id: string;
  /** Absent if it failed, or if the answer is not kept any more. Its length is in bytes of JSON. */
  readonly answer?: { readonly value: unknown; readonly length: number };
  /** Absent if it did not fail, or if the failure is not kept any more. */
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

const bytesOf = ({ answer, failure }: RecentUpdate): number =>
  answer?.length ?? (failure ? utf8Length(JSON.stringify(failure)) : 0);

/** Drops the oldest answers and failures, and then the oldest ids, until the rest is within the bounds. */
export function withinBounds(updates: readonly RecentUpdate[]): RecentUpdate[] {
  let bytes = 0;
  const kept = updates.slice(-maximumUpdates).reverse();
  return kept
    .map((update) => {
      bytes += bytesOf(update);
      return bytes > maximumBytes ? { id: update.id } : update;
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
    add: (id, value) => add({ id, answer: { value, length: utf8Length(JSON.stringify(value)) } }),
    addFailure: (id, { type, message, details }) =>
      add({ id, failure: { type: type ?? "internal", message, details: details?.[0] ?? null } }),
    all: () => updates,
  };
}
