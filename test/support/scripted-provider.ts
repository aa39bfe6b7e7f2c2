import type { ActivityDependencies } from "#activities/dependencies";
import type { CellPlan } from "#cells/cell-plan";
import { createPlacement } from "#cells/placement/placement";
import { createSlots } from "#cells/placement/slots";
import { startRate } from "#cells/placement/start-rate";
import type { CellProvider, OwnedCell, ProgramContext, ProgramOutcome } from "#cells/provider";
import type { Program } from "#core/contract/cell-shape";
import type { BackendName, Enforcement, Isolation } from "#core/contract/result";

const enforced: Enforcement = { enforced: true, by: "the test" };

/** The part of a provider about packages, for tests without any. */
export const noPackages: Pick<CellProvider, "runtime" | "addPackages"> = {
  runtime: async (_cell, ecosystem) => ({ ecosystem, version: "3.13.1", platform: "x86_64-manylinux_2_28" }),
  addPackages: async () => {},
};

/** Environments of a machine that has none. */
export const noEnvironments: ActivityDependencies["environments"] = {
  prepare: async () => {
    throw new Error("no run of this test asks for packages");
  },
};

/** An isolation for tests of the workflow's use of it. */
export const scriptedIsolation: Isolation = {
  level: "cluster",
  mechanism: "scripted",
  network: enforced,
  filesystem: enforced,
  user: enforced,
  syscalls: enforced,
  memory: enforced,
  cpu: enforced,
  pids: enforced,
  disk: enforced,
  openFiles: enforced,
  output: enforced,
  wallClock: enforced,
};

/** The outcome of code that exited with 0, with changes. */
export const outcome = (changes: Partial<ProgramOutcome> = {}): ProgramOutcome => ({
  exit: { code: 0, signal: null },
  outOfMemory: false,
  lost: null,
  usage: { peakMemoryBytes: null, cpuSeconds: null },
  filesOmitted: [],
  ...changes,
});

/** The calls of a {@link scriptedProvider}, in order. */
export interface ScriptedProvider extends CellProvider {
  readonly calls: string[];
}

/**
 * A provider with scripted behaviour, for cluster failures that cannot be caused at will. The sandbox is tested with the
 * real provider.
 */
export function scriptedProvider(
  name: BackendName,
  script: {
    available?: boolean;
    reach?: CellProvider["reach"];
    /** @default 20 */
    maximumCells?: number;
    maximumStartsPerSecond?: number;
    acquire?: (plan: CellPlan) => Promise<void> | void;
    run?: (program: Program, context: ProgramContext) => Promise<ProgramOutcome> | ProgramOutcome;
    release?: () => Promise<void> | void;
    remove?: (cellId: string) => Promise<void> | void;
  },
): ScriptedProvider {
  const calls: string[] = [];
  const owned = new Map<string, OwnedCell>();
  const { available = true, reach = "everywhere", maximumCells = 20 } = script;
  const placement = createPlacement(reach === "host" ? "sandbox" : "cluster", [
    startRate(script.maximumStartsPerSecond),
    createSlots({ setting: "maximumCells", maximum: maximumCells }),
  ]);
  return {
    name,
    calls,
    reach,
    maximumCells,
    placement,
    collectionMilliseconds: 60_000,
    status: async () => ({ available, summary: available ? "scripted" : "the cluster is away", isolation: null }),
    check: () => {},
    acquire: async (plan) => {
      calls.push("acquire");
      await script.acquire?.(plan);
      const { cellId, owner } = plan;
      owned.set(cellId, { cellId, ...owner, createdAt: new Date(), finished: false });
      return { isolation: scriptedIsolation };
    },
    run: async (_cell, _n, program, context) => {
      calls.push("run");
      // A script that throws means that the code was not started, unless it called `started` itself.
      const ended = (await script.run?.(program, context)) ?? outcome();
      context.started();
      return ended;
    },
    interrupt: async () => false,
    ...noPackages,
    release: async () => {
      calls.push("release");
      await script.release?.();
    },
    remove: async (cellId) => {
      calls.push("remove");
      await script.remove?.(cellId);
      owned.delete(cellId);
      placement.release(cellId);
    },
    find: async (cellId) => owned.get(cellId) ?? null,
    list: async () => [...owned.values()],
    sweep: async () => 0,
    close: async () => {},
  };
}
