/**
 * The life of a cell on a worker with one place, with a fault at each of its awaits. In every case each activity ends,
 * the place is released, and nothing is left behind.
 */
import { pino } from "pino";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { ActivityDependencies } from "#activities/dependencies";
import { createActivities } from "#activities/index";
import { createRunningCells } from "#activities/running-cells";
import { createCellLimiter } from "#cells/placement/cell-limiter";
import { createWaitingLine } from "#cells/placement/waiting-line";
import type { Backend } from "#cells/provider";
import { parseConfiguration } from "#core/configuration/configuration";
import { builtInLanguages } from "#core/contract/language";
import { startJanitor } from "#worker/janitor";
import { outcome, scriptedIsolation } from "../support/scripted-backend.ts";
import {
  attempt,
  type Fault,
  failOnce,
  faults,
  type Interruption,
  inTime,
  interruptions,
  lateMilliseconds,
  memoryStore,
} from "./cell-life-support.ts";

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
const request = { code: "x", language: "sh", timeout: 5, backend: "subprocess" };

/** A worker with one place whose backend and store fail once at one await. */
function createWorld(at: Await, fault: Fault) {
  const cells = new Set<string>();
  let isOpen = true;
  const meet = failOnce<Await>(at, fault);
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
  const store = memoryStore(meet);
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
      // Like the server's retries: a failed attempt is followed by another, unless the run is cancelled.
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
        // Each attempt has half a minute. The server then starts the next one, whatever became of the last.
        const limit = new Promise((_, reject) => setTimeout(reject, 30_000, new Error("timed out")));
        const cleaned = await inTime("cleanUp", Promise.race([work, limit]));
        work.catch(() => {});
        if (cleaned.status === "fulfilled") break;
      }
    }
    world.close();
    // The janitor handles what was not ended there; late results have arrived by then.
    await vi.advanceTimersByTimeAsync(lateMilliseconds + 60_000);
    expect({ held: limiter.held(), waiting: limiter.waiting() }).toEqual({ held: [], waiting: 0 });
    expect(running.all().map(({ cellId: left }) => left)).toEqual([]);
    expect([...cells]).toEqual([]);
    const stopped = janitor.stop();
    expect((await inTime("the janitor's end", stopped)).status).toBe("fulfilled");
  },
);
