/**
 * The life of a cell in a cluster with room for one, on a worker with one place, with a fault at each of its awaits. In
 * every case each activity ends, the room and the place in the waiting line are released, and nothing is left behind.
 */
import { pino } from "pino";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { ActivityDependencies } from "#activities/dependencies";
import { createActivities } from "#activities/index";
import { createRunningCells } from "#activities/running-cells";
import type { CallOptions, ClusterApis, ClusterClient } from "#cells/kubernetes/api/cluster-client";
import { ClusterError } from "#cells/kubernetes/api/cluster-error";
import type { PodWatch } from "#cells/kubernetes/api/pod-watch";
import { quotaLimit } from "#cells/kubernetes/quotas/quota-limit";
import { createPlacement } from "#cells/placement/placement";
import { createSlots } from "#cells/placement/slots";
import type { CellProvider, OwnedCell } from "#cells/provider";
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
  ...["makeRoom", "hold", "quotas", "acquire", "hold again", "start", "write", "run", "list", "settle"],
  ...["release", "remove"],
] as const;
type Await =
  | ("makeRoom" | "hold" | "quotas" | "acquire" | "hold again" | "start")
  | ("write" | "run" | "list" | "settle" | "release" | "remove");
const request = { code: "x", language: "sh", timeout: 5, backend: "kubernetes" };
/** The deadline of a request to the API server. */
const answerMilliseconds = 2000;
/**
 * Shorter than the time after which the room of a cell without a pod is released: the startup timeout of a minute, plus
 * a margin.
 */
const soonMilliseconds = 30_000;

/** A cluster in memory with room for one cell by its quota, and a worker that carries one. One await fails once. */
function createWorld(at: Await, fault: Fault) {
  const cells = new Map<string, OwnedCell>();
  const listeners: ((cellId: string) => void)[] = [];
  let isOpen = true;
  const meet = failOnce<Await>(at, fault);
  const changed = (cellId: string): void => {
    for (const listener of listeners) listener(cellId);
  };
  const watch: PodWatch = {
    podsOf: (cellId) => {
      const cell = cells.get(cellId);
      if (!cell) return [];
      const metadata = { name: cellId, creationTimestamp: cell.createdAt.toISOString() };
      return [{ metadata, status: { phase: cell.finished ? "Succeeded" : "Running" } }];
    },
    isComplete: () => true,
    quietFor: () => 0,
    listen: () => ({ within: async () => {}, [Symbol.dispose]: () => {} }),
    onChange: (listener) => void listeners.push(listener),
    close: async () => {},
  };
  const core: Pick<ClusterApis["core"], "listNamespacedResourceQuota"> = {
    listNamespacedResourceQuota: async () => {
      const late = new Promise<never>((_, reject) =>
        setTimeout(reject, answerMilliseconds, new ClusterError("reading the quotas", "no answer came in time")),
      );
      late.catch(() => {});
      await Promise.race([meet("quotas"), late]);
      const amounts = { hard: { pods: "1" }, used: { pods: String(cells.size) } };
      return { items: [{ metadata: { name: "one" }, status: amounts }] };
    },
  };
  const client: Pick<ClusterClient, "namespace" | "request"> = {
    namespace: "cells",
    request: (_what, send) => send({ core } as ClusterApis, {} as CallOptions),
  };
  const quotas = quotaLimit(
    async () => ({ client: client as ClusterClient, watch, instance: "i" }),
    () => {},
  );
  const remove = (cellId: string): void => {
    if (cells.delete(cellId)) changed(cellId);
  };
  const slots = createSlots({ setting: "maximumCells", maximum: 1, admitted: quotas.admitted });
  const placement = createPlacement("cluster", [slots, quotas]);
  const provider: CellProvider = {
    name: "kubernetes",
    reach: "everywhere",
    maximumCells: 1,
    placement,
    collectionMilliseconds: 300_000,
    check: () => {},
    ...noPackages,
    status: async () => ({ available: true, summary: "in memory", isolation: scriptedIsolation }),
    acquire: async ({ cellId, owner }) => {
      await meet("acquire");
      cells.set(cellId, { cellId, ...owner, createdAt: new Date(), finished: false });
      changed(cellId);
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
      remove(cellId);
      placement.release(cellId);
    },
    interrupt: async () => false,
    release: () => meet("release"),
    find: async (cellId) => cells.get(cellId) ?? null,
    list: async () => [...cells.values()],
    sweep: async () => 0,
    close: async () => {},
  };
  const running = createRunningCells();
  const dependencies: ActivityDependencies = {
    store: memoryStore(meet),
    providers: { kubernetes: provider },
    environments: noEnvironments,
    languages: builtInLanguages,
    policy: parseConfiguration({ worker: { kubernetes: { maximumCells: 1 } } }).worker,
    hostTaskQueue: "host",
    searchAttributes: false,
    running,
    askRun: async () => (isOpen ? { open: true } : { open: false, closedAt: new Date(0) }),
    openRuns: async () => new Set(),
  };
  const close = (): void => {
    isOpen = false;
  };
  return { dependencies, cells, running, close, waiting: placement.waiting };
}

beforeEach(() => {
  vi.useFakeTimers({
    toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval", "Date", "performance"],
  });
});
afterEach(() => {
  vi.useRealTimers();
});

type Life = [at: Await, fault: Fault, by: Interruption];
const lives = awaits.flatMap((at) =>
  faults.flatMap((fault) => interruptions.map((by): Life => [at as Await, fault, by])),
);

it.each([["makeRoom", "none", "nobody"] as Life, ...lives])(
  "%s %s, interrupted by %s: every activity ends, the room is free, nothing is left",
  async (at, fault, by) => {
    const world = createWorld(at, fault);
    const { dependencies, running, cells } = world;
    const activities = createActivities(dependencies);
    const janitor = startJanitor(dependencies, pino({ level: "silent" }));
    const provision = (number: number, interruption: Interruption) =>
      inTime(
        "provision",
        attempt("provision", interruption, () =>
          activities.provision({ request, attempt: number, wait: true, inCluster: true }),
        ),
      );
    /** Like the server: an attempt that takes half a minute is followed by the next, whatever became of it. */
    const twice = async (name: string, work: () => Promise<unknown>): Promise<void> => {
      for (let tries = 1; tries <= 2; tries += 1) {
        const limit = new Promise((_, reject) => setTimeout(reject, 30_000, new Error("timed out")));
        const tried = attempt(name, "nobody", work);
        tried.catch(() => {});
        if ((await inTime(name, Promise.race([tried, limit]))).status === "fulfilled") return;
      }
    };
    const cellId = await (async () => {
      for (let tries = 1; tries <= 2; tries += 1) {
        const provisioned = await provision(1, by);
        if (provisioned.status === "rejected" && by === "cancelled") return undefined;
        if (provisioned.status === "fulfilled" && "cellId" in provisioned.value) return provisioned.value.cellId;
      }
      return undefined;
    })();
    if (cellId !== undefined) {
      const input = { request, attempt: 1, cellId, backend: "kubernetes", taskQueue: null } as const;
      let hasEnded = false;
      for (let tries = 1; tries <= 2 && !hasEnded; tries += 1) {
        const work = () => activities.execute(input);
        hasEnded = (await inTime("execute", attempt("execute", by, work))).status === "fulfilled";
        if (by === "cancelled") break;
      }
      const reaped = { cellId, backend: "kubernetes", ttlMilliseconds: 0, parent: { workflowId: "w" } } as const;
      if (hasEnded) await twice("releaseCell", () => activities.releaseCell(reaped));
      if (hasEnded) await twice("removeCell", () => activities.removeCell(reaped));
      else await twice("cleanUp", () => activities.cleanUp(input));
    }
    // A cell that is still being created may appear, so its room stays reserved for as long.
    if (cellId !== undefined || at !== "acquire" || fault === "fails" || fault === "fails as ours") {
      expect([...cells.keys()], "cells after their removal").toEqual([]);
      // The result of reading the quotas, or the failure to do so, is cached for a second.
      await vi.advanceTimersByTimeAsync(1500);
      const since = Date.now();
      expect(await provision(2, "nobody")).toMatchObject({ status: "fulfilled", value: { backend: "kubernetes" } });
      expect(Date.now() - since, "milliseconds until the next cell has the room").toBeLessThan(soonMilliseconds);
    }
    world.close();
    // The sweep removes what is not followed; late results have arrived by then.
    await vi.advanceTimersByTimeAsync(lateMilliseconds + 60_000);
    await twice("sweepCells", () => activities.sweepCells());
    expect(world.waiting()).toBe(0);
    expect(running.all().map(({ cellId: left }) => left)).toEqual([]);
    expect([...cells.keys()]).toEqual([]);
    expect(await provision(3, "nobody")).toMatchObject({ status: "fulfilled", value: { backend: "kubernetes" } });
    expect((await inTime("the janitor's end", janitor.stop())).status).toBe("fulfilled");
  },
);
