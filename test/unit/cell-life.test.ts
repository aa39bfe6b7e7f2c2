/**
 * The life of a cell on a worker with one place, with a failure at each of its awaits: whatever happens, each activity ends, the place is
 * given back, and nothing is left.
 */
import { PassThrough, Readable } from "node:stream";
import { asyncLocalStorage, CancelledFailure, Context, type Info } from "@temporalio/activity";
import { ActivityCancellationDetails, noopMetricMeter } from "@temporalio/common";
import { pino } from "pino";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { Backend } from "../../activities/backends/backend.ts";
import { createCellLimiter } from "../../activities/cell-limiter.ts";
import type { ActivityDependencies } from "../../activities/dependencies.ts";
import { createActivities } from "../../activities/index.ts";
import { createRunningCells } from "../../activities/running-cells.ts";
import type { ArtifactStore } from "../../activities/store/artifact-store.ts";
import { createWaitingLine } from "../../activities/waiting-line.ts";
import { parseConfiguration } from "../../core/configuration.ts";
import { KgentsError } from "../../core/error.ts";
import { builtInLanguages } from "../../core/language.ts";
import { startJanitor } from "../../worker/janitor.ts";
import { outcome, scriptedIsolation } from "../support/scripted-backend.ts";

/** The awaits of a cell's life, in their order. */
const awaits = [
  "makeRoom",
  "hold",
  "provision",
  "hold again",
  "execute",
  "write",
  "run",
  "list",
  "settle",
  "cleanUp",
] as const;
type Await = (typeof awaits)[number];
/** What goes wrong there, once: the next call succeeds. */
const faults = ["fails", "fails as ours", "hangs", "comes late"] as const;
type Fault = (typeof faults)[number] | "none";
/** Who ends the run meanwhile. `given up`: the server has timed out the attempt, and has told it so. */
const interruptions = ["nobody", "cancelled", "given up", "shut down"] as const;
type Interruption = (typeof interruptions)[number];

const lateMilliseconds = 20 * 60_000;
/** No activity lasts longer, whatever happens: what the workflow gives the longest of them, without the waiting for a place. */
const longestMilliseconds = 25 * 60_000;

const owner = { workflowId: "w", runId: "r" };
const request = { code: "x", language: "sh", timeout: 5, backend: "subprocess" };

/** A worker with one place whose backend and store fail once at one await. */
function createWorld(at: Await, fault: Fault) {
  let left = fault === "none" ? 0 : 1;
  const cells = new Set<string>();
  const stored = new Map<string, number>();
  let isOpen = true;
  let holds = 0;
  const meet = async (here: Await): Promise<void> => {
    if (here !== at || left === 0) return;
    left -= 1;
    if (fault === "fails") throw new Error("made to fail");
    if (fault === "fails as ours") throw new KgentsError("cell-start", "made to fail");
    await new Promise<void>((resolve) => {
      if (fault === "comes late") setTimeout(resolve, lateMilliseconds);
    });
  };
  const backend: Backend = {
    name: "subprocess",
    hostBound: true,
    status: async () => ({ available: true, summary: "in memory", isolation: scriptedIsolation }),
    provision: async ({ cellId }) => {
      await meet("provision");
      cells.add(cellId);
      return { isolation: scriptedIsolation };
    },
    execute: async (_plan, context) => {
      await meet("execute");
      context.started();
      context.stdout.write("x");
      await meet("run");
      return outcome();
    },
    cleanUp: async (cellId) => {
      await meet("cleanUp");
      cells.delete(cellId);
    },
    sweep: async () => 0,
    close: async () => {},
  };
  const store: ArtifactStore = {
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
      return { release: async () => {}, leave: () => {} };
    },
    claimExpiry: async () => false,
    expire: async () => 0,
    close: async () => {},
  };
  const running = createRunningCells();
  const limiter = createCellLimiter(1);
  const dependencies: ActivityDependencies = {
    store,
    backends: { subprocess: backend },
    languages: builtInLanguages,
    policy: parseConfiguration({ worker: { maximumCells: 1 } }).worker,
    hostTaskQueue: "host",
    searchAttributes: false,
    limiter,
    line: createWaitingLine(() => {}),
    running,
    askRun: async () => (isOpen ? { open: true } : { open: false, closedAt: new Date() }),
    openRuns: async () => new Set(),
  };
  const close = (): void => {
    isOpen = false;
  };
  return { dependencies, cells, running, limiter, close };
}

const info = (activityType: string): Info => ({
  ...{ taskToken: new Uint8Array(), base64TaskToken: "", activityId: "1", activityType, attempt: 1, isLocal: false },
  ...{ activityNamespace: "default", workflowNamespace: "default", namespace: "default", workflowType: "executeCode" },
  ...{ taskQueue: "queue", workflowExecution: owner, heartbeatDetails: undefined, heartbeatTimeoutMs: 10_000 },
  ...{ scheduledTimestampMs: 0, currentAttemptScheduledTimestampMs: 0, inWorkflow: true },
  ...{ scheduleToCloseTimeoutMs: 0, startToCloseTimeoutMs: 0, priority: {} },
});

/** Runs one attempt of an activity as Temporal's worker does; it is interrupted after a second, if at all. */
async function attempt<Output>(name: string, by: Interruption, work: () => Promise<Output>): Promise<Output> {
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
    () => {},
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

/** Lets time pass until something has settled; fails where that takes longer than an activity may. */
async function inTime<Value>(what: string, work: Promise<Value>): Promise<PromiseSettledResult<Value>> {
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

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval", "Date"] });
});
afterEach(() => {
  vi.useRealTimers();
});

const lives = awaits.flatMap((at) =>
  faults.flatMap((fault) => interruptions.map((by): [Await, Fault, Interruption] => [at, fault, by])),
);

it.each([["makeRoom", "none", "nobody"] as [Await, Fault, Interruption], ...lives])(
  "%s %s, interrupted by %s: every activity ends, the place is free, nothing is left",
  async (at, fault, by) => {
    const world = createWorld(at, fault);
    const { dependencies, limiter, running, cells } = world;
    const activities = createActivities(dependencies);
    const janitor = startJanitor(dependencies, pino({ level: "silent" }));
    const cellId = await (async () => {
      // As the server retries it: an attempt that failed is followed by another, unless the run is cancelled.
      for (let tries = 1; tries <= 2; tries += 1) {
        const provisioned = await inTime(
          "provision",
          attempt("provision", by, () => activities.provision({ request, attempt: 1, wait: true })),
        );
        if (provisioned.status === "rejected" && by === "cancelled") return undefined;
        if (provisioned.status === "fulfilled" && "cellId" in provisioned.value) return provisioned.value.cellId;
      }
      return undefined;
    })();
    if (cellId !== undefined) {
      const input = { request, attempt: 1, cellId, backend: "subprocess", taskQueue: "host" } as const;
      for (let tries = 1; tries <= 2; tries += 1) {
        const executed = await inTime(
          "execute",
          attempt("execute", by, () => activities.execute(input)),
        );
        if (executed.status === "fulfilled" || by === "cancelled") break;
      }
      for (let tries = 1; tries <= 2; tries += 1) {
        const work = attempt("cleanUp", "nobody", () => activities.cleanUp(input));
        // Its attempts have half a minute each: the server begins the next one, whatever became of the last.
        const limit = new Promise((_, reject) => setTimeout(reject, 30_000, new Error("timed out")));
        const cleaned = await inTime("cleanUp", Promise.race([work, limit]));
        work.catch(() => {});
        if (cleaned.status === "fulfilled") break;
      }
    }
    world.close();
    // For what nobody ended there is the janitor; what comes late has come by then.
    await vi.advanceTimersByTimeAsync(lateMilliseconds + 60_000);
    expect({ held: limiter.held(), waiting: limiter.waiting() }).toEqual({ held: [], waiting: 0 });
    expect(running.all().map(({ cellId: left }) => left)).toEqual([]);
    expect([...cells]).toEqual([]);
    const stopped = janitor.stop();
    expect((await inTime("the janitor's end", stopped)).status).toBe("fulfilled");
  },
);
