/**
 * Helpers for the tests of a cell's life: one failure at one await, a store in memory that triggers it, and attempts of
 * activities.
 */
import { PassThrough, Readable } from "node:stream";
import { asyncLocalStorage, CancelledFailure, Context, type Info } from "@temporalio/activity";
import { ActivityCancellationDetails, noopMetricMeter } from "@temporalio/common";
import { pino } from "pino";
import { expect, vi } from "vitest";
import { KgentsError } from "#core/contract/error";
import type { ArtifactStore } from "#platform/store/artifact-store";

/** The faults. Each occurs once: the next call succeeds. */
export const faults = ["fails", "fails as ours", "hangs", "comes late"] as const;
export type Fault = (typeof faults)[number] | "none";
/** How the run is interrupted. `given up`: the server has timed out the attempt, and told it so. */
export const interruptions = ["nobody", "cancelled", "given up", "shut down"] as const;
export type Interruption = (typeof interruptions)[number];

export const lateMilliseconds = 20 * 60_000;
/** The maximum duration of an activity: the longest timeout that the workflow sets, without the wait for a place. */
const longestMilliseconds = 25 * 60_000;

export const owner = { workflowId: "w", runId: "r" };

/** Called at each await. Triggers the fault once, at the chosen await. */
export type Meet<Await extends string> = (here: Await) => Promise<void>;

/** Makes one await fail, once. */
export function failOnce<Await extends string>(at: Await, fault: Fault): Meet<Await> {
  let left = fault === "none" ? 0 : 1;
  return async (here) => {
    if (here !== at || left === 0) return;
    left -= 1;
    if (fault === "fails") throw new Error("made to fail");
    if (fault === "fails as ours") throw new KgentsError("cell-start", "made to fail");
    await new Promise<void>((resolve) => {
      if (fault === "comes late") setTimeout(resolve, lateMilliseconds);
    });
  };
}

/** The awaits of the store in a cell's life. */
export type StoreAwait = "makeRoom" | "hold" | "hold again" | "write" | "list" | "settle";

/** An artifact store in memory. */
export function memoryStore(meet: Meet<StoreAwait>): ArtifactStore {
  const stored = new Map<string, number>();
  let holds = 0;
  return {
    id: "memory",
    write: (reference) => {
      const stream = new PassThrough({
        transform: (chunk: Buffer, _encoding, callback) => {
          meet("write").then(
            () => {
              stored.set(reference, (stored.get(reference) ?? 0) + chunk.length);
              callback();
            },
            (error: Error) => callback(error),
          );
        },
      });
      return stream.resume();
    },
    read: (_reference, offset, end) => Readable.from([Buffer.alloc(end - offset, "x")]),
    list: async () => {
      await meet("list");
      return stored;
    },
    watch: () => () => {},
    settle: async () => {
      await meet("settle");
      return null;
    },
    putBlob: () => Promise.reject(new Error("no blobs here")),
    openBlob: () => Promise.reject(new Error("no blobs here")),
    agreeOnRetention: async (_namespace, milliseconds) => milliseconds,
    makeRoom: () => meet("makeRoom"),
    hold: async () => {
      holds += 1;
      await meet(holds === 1 ? "hold" : "hold again");
      return { release: async () => {}, leave: () => {}, until: async () => {} };
    },
    claimExpiry: async () => false,
    expire: async () => 0,
    close: async () => {},
  };
}

const info = (activityType: string): Info => ({
  taskToken: new Uint8Array(),
  base64TaskToken: "",
  activityId: "1",
  activityType,
  attempt: 1,
  isLocal: false,
  activityNamespace: "default",
  workflowNamespace: "default",
  namespace: "default",
  workflowType: "executeCode",
  taskQueue: "queue",
  workflowExecution: owner,
  heartbeatDetails: undefined,
  heartbeatTimeoutMs: 10_000,
  scheduledTimestampMs: 0,
  currentAttemptScheduledTimestampMs: 0,
  inWorkflow: true,
  scheduleToCloseTimeoutMs: 0,
  startToCloseTimeoutMs: 0,
  priority: {},
});

/** Runs one attempt of an activity like Temporal's worker. If it is interrupted, then after a second. */
export async function attempt<Output>(
  name: string,
  by: Interruption,
  work: () => Promise<Output>,
  onHeartbeat: (details: unknown) => void = () => {},
): Promise<Output> {
  const abort = new AbortController();
  const { promise: cancelled, reject } = Promise.withResolvers<never>();
  cancelled.catch(() => {});
  const holder: { details?: ActivityCancellationDetails } = {};
  const timer = setTimeout(() => {
    if (by === "nobody") return;
    const reasons = { cancelled: "cancelRequested", "given up": "notFound", "shut down": "workerShutdown" } as const;
    holder.details = new ActivityCancellationDetails({ [reasons[by]]: true });
    const failure = new CancelledFailure(by);
    abort.abort(failure);
    reject(failure);
  }, 1000);
  const log = pino({ level: "silent" });
  const logger = {
    ...log,
    log: () => {},
    trace: () => {},
    debug: () => {},
    info: () => {},
    warn: () => {},
    error: () => {},
  };
  const context = new Context(
    info(name),
    cancelled,
    abort.signal,
    onHeartbeat,
    undefined,
    logger,
    noopMetricMeter,
    holder,
  );
  try {
    return await asyncLocalStorage.run(context, work);
  } finally {
    clearTimeout(timer);
  }
}

/** Advances the time until a promise has settled. Fails if that takes longer than an activity may. */
export async function inTime<Value>(what: string, work: Promise<Value>): Promise<PromiseSettledResult<Value>> {
  const began = Date.now();
  let end: PromiseSettledResult<Value> | undefined;
  work.then(
    (value) => (end = { status: "fulfilled", value }),
    (reason) => (end = { status: "rejected", reason }),
  );
  for (;;) {
    await vi.advanceTimersByTimeAsync(Date.now() - began < 10_000 ? 500 : 10_000);
    if (end) return end;
    if (Date.now() - began > longestMilliseconds) return expect.unreachable(`${what} never ended`);
  }
}
