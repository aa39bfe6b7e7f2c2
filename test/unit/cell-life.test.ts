/**
 * The life of a cell on a worker with one place, with a fault at each of its awaits. In every case each activity ends,
 * the place is released, and nothing is left behind.
 */
import { pino } from "pino";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { ActivityDependencies } from "#activities/dependencies";
import { createActivities } from "#activities/index";
import { createRunningCells } from "#activities/running-cells";
import { createPlacement } from "#cells/placement/placement";
import { createSlots } from "#cells/placement/slots";
import type { CellProvider } from "#cells/provider";
import { parseConfiguration } from "#core/configuration/configuration";
import { builtInLanguages } from "#core/contract/language";
import { startJanitor } from "#worker/janitor";
import { noEnvironments, noPackages, outcome, scriptedIsolation } from "../support/scripted-provider.ts";
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
  "acquire",
  "hold again",
  "start",
  "write",
  "run",
  "list",
  "settle",
  "remove",
] as const;
type Await = (typeof awaits)[number];
const request = { code: "x", language: "sh", timeout: 5, backend: "subprocess" };

/** A worker with one place whose backend and store fail once at one await. */
function createWorld(at: Await, fault: Fault) {
  const cells = new Set<string>();
  let isOpen = true;
  const meet = failOnce<Await>(at, fault);
  const placement = createPlacement("sandbox", [createSlots({ setting: "maximumCells", maximum: 1 })]);
  const provider: CellProvider = {
    name: "subprocess",
    reach: "host",
    maximumCells: 1,
    placement,
    collectionMilliseconds: 60_000,
    check: () => {},
    ...noPackages,
    status: async () => ({ available: true, summary: "in memory", isolation: scriptedIsolation }),
    acquire: async ({ cellId }) => {
      await meet("acquire");
      cells.add(cellId);
      return { isolation: scriptedIsolation };
    },
    run: async (_cell, _n, _program, context) => {
      await meet("start");
      context.started();
      context.stdout.write("x");
      await meet("run");
      return outcome();
    },
    remove: async (cellId) => {
      await meet("remove");
      cells.delete(cellId);
      placement.release(cellId);
    },
    interrupt: async () => false,
    release: async () => {},
    find: async () => null,
    list: async () => [],
    sweep: async () => 0,
    close: async () => {},
  };
  const store = memoryStore(meet);
  const running = createRunningCells();
  const dependencies: ActivityDependencies = {
    store,
    providers: { subprocess: provider },
    environments: noEnvironments,
    languages: builtInLanguages,
    policy: parseConfiguration({ worker: { maximumCells: 1 } }).worker,
    hostTaskQueue: "host",
    searchAttributes: false,
    running,
    askRun: async () => (isOpen ? { open: true } : { open: false, closedAt: new Date() }),
    openRuns: async () => new Set(),
  };
  const close = (): void => {
    isOpen = false;
  };
  return { dependencies, cells, running, placement, close };
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
    const { dependencies, placement, running, cells } = world;
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
    expect({ held: placement.held(), waiting: placement.waiting() }).toEqual({ held: 0, waiting: 0 });
    expect(running.all().map(({ cellId: left }) => left)).toEqual([]);
    expect([...cells]).toEqual([]);
    const stopped = janitor.stop();
    expect((await inTime("the janitor's end", stopped)).status).toBe("fulfilled");
  },
);
