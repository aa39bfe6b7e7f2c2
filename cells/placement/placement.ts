/**
 * Where cells get their places: a list of limits, all of which a claim must pass, and the queue of the runs that wait.
 *
 * @module
 */
import { KgentsError } from "#core/contract/error";
import type { CellPlan } from "../cell-plan.ts";
import { NoPlace } from "./no-place.ts";
import { createWaitingLine } from "./waiting-line.ts";

/** One limit on cells, such as the slots of a worker or the quotas of a namespace. */
export interface PlacementLimit {
  /** Reads what the limit depends on, before a claim. @default nothing is read */
  readonly read?: () => Promise<void>;
  /**
   * Whether the limit admits a cell, without a change to anything.
   *
   * @param waited whether the run came through a waiting queue
   * @returns why there is no place now, in a phrase; undefined if it admits the cell
   * @throws KgentsError if it will never admit the cell
   */
  readonly refusal: (plan: CellPlan, waited: boolean) => string | undefined;
  /** Counts a cell that all limits have admitted. */
  readonly admit?: (plan: CellPlan) => void;
  /** Counts a cell that this worker runs programs in, also beyond the limit: it exists and cannot be made to wait. */
  readonly hold?: (cellId: string) => void;
  /** The number of cells that this worker runs or is about to run. @default not counted */
  readonly held?: () => number;
  /** Stops counting a cell. Does nothing if it is not counted. */
  readonly release?: (cellId: string) => void;
}

/** The queue of Temporal in which the runs wait that this worker does not hold itself. */
export type WaitingQueue = "sandbox" | "cluster";

/** The places of a provider. */
export interface Placement {
  readonly queue: WaitingQueue;
  /**
   * Claims a place and makes the cell.
   *
   * @param make releases the place if it fails
   * @throws NoPlace if a limit is reached, or other runs wait here; what `make` throws
   */
  readonly take: <Made>(plan: CellPlan, make: () => Promise<Made>) => Promise<Made>;
  /** The same, but waits in order of arrival. `onQueued` receives the rank, 1 for the next, and why there is no place. */
  readonly wait: <Made>(
    plan: CellPlan,
    make: () => Promise<Made>,
    signal: AbortSignal,
    onQueued: (rank: number, why: string) => void,
  ) => Promise<Made>;
  /** Counts a cell that this worker runs programs in. */
  readonly hold: (cellId: string) => void;
  /** Gives a cell's place back. Does nothing if it has none. */
  readonly release: (cellId: string) => void;
  /** The number of cells that this worker runs or is about to run. */
  readonly held: () => number;
  /** The number of runs that wait on this worker. */
  readonly waiting: () => number;
  /** Calls a listener whenever a place is taken or given back, or a run begins or ends to wait. */
  readonly onChange: (listener: () => void) => void;
}

/** How long a cluster may be unavailable while a run waits for a place in it, in milliseconds. */
const awayMilliseconds = 60_000;

const isAway = (error: unknown): boolean => error instanceof KgentsError && error.code === "cluster-unavailable";

/**
 * Treats an unavailable cluster as a full one for a limited time, so that waiting runs do not fail when an API server
 * restarts.
 */
function patient<Made>(attempt: () => Promise<Made>): () => Promise<Made> {
  let awaySince: number | undefined;
  return async () => {
    try {
      const made = await attempt();
      awaySince = undefined;
      return made;
    } catch (error) {
      if (!isAway(error)) {
        awaySince = undefined;
        throw error;
      }
      awaySince ??= Date.now();
      if (Date.now() - awaySince >= awayMilliseconds) throw error;
      throw new NoPlace("it does not answer", { cause: error });
    }
  };
}

/** Creates the places of a provider. Limits are asked in order, and the first refusal is the reason. */
export function createPlacement(queue: WaitingQueue, limits: readonly PlacementLimit[]): Placement {
  const listeners: (() => void)[] = [];
  const notify = (): void => {
    for (const listener of listeners) listener();
  };
  const line = createWaitingLine(notify);
  const attempt =
    <Made>(plan: CellPlan, make: () => Promise<Made>, waited: boolean, signal?: AbortSignal) =>
    async (): Promise<Made> => {
      const check = (some: readonly PlacementLimit[]): void => {
        for (const { refusal } of some) {
          const why = refusal(plan, waited);
          if (why !== undefined) throw new NoPlace(why);
        }
      };
      check(limits.filter(({ read }) => read === undefined));
      for (const { read } of limits) await read?.();
      signal?.throwIfAborted();
      // No await from here until the cell is counted, so that two cells cannot take the same place.
      check(limits);
      for (const { admit } of limits) admit?.(plan);
      notify();
      return make();
    };
  return {
    queue,
    take: (plan, make) => line.tryNow(attempt(plan, make, false)),
    wait: (plan, make, signal, onQueued) => line.wait(patient(attempt(plan, make, true, signal)), signal, onQueued),
    hold: (cellId) => {
      for (const { hold } of limits) hold?.(cellId);
      notify();
    },
    release: (cellId) => {
      for (const { release } of limits) release?.(cellId);
      line.changed();
      notify();
    },
    held: () => limits.reduce((sum, { held }) => sum + (held?.() ?? 0), 0),
    waiting: line.length,
    onChange: (listener) => void listeners.push(listener),
  };
}
