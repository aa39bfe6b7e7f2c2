/**
 * The provider of cells that are sandboxes on the worker's own machine.
 *
 * @module
 */
import type { WorkerPolicy } from "#core/configuration/configuration";
import { defaultMaximumCells } from "#core/configuration/maximum-cells";
import { applyMachine } from "#core/configuration/policy";
import { machineLimits } from "#platform/host/machine-limits";
import { identifyProcess } from "#platform/host/process-identity";
import { createPlacement } from "../placement/placement.ts";
import { createSlots } from "../placement/slots.ts";
import { startRate } from "../placement/start-rate.ts";
import type { CellProvider } from "../provider.ts";
import { statusBy } from "../provider-status.ts";
import { findGroups } from "./cgroups/find-groups.ts";
import { sweepGroups } from "./cgroups/sweep-groups.ts";
import { createLastingCells } from "./lasting/lasting-cells.ts";
import { abandonedLaunchers, removeLauncher } from "./launcher/launcher-pool.ts";
import { type BubblewrapFinder, findBubblewrap } from "./machine/find-bubblewrap.ts";
import { createOneProgramCells } from "./one-program-cells.ts";
import { type ProgramRunner, runClaimed } from "./run-claimed.ts";
import { bareEngine, refuseMany, refusePackages } from "./sandbox/bare-engine.ts";
import { type CellDirectories, cellDirectories } from "./sandbox/cell-directory.ts";
import type { Engine } from "./sandbox/engine.ts";
import { launcherDirectory } from "./sandbox/sandbox.ts";
import { sandboxEngine } from "./sandbox/sandbox-engine.ts";

/** Options of a subprocess provider. */
export interface SubprocessOptions {
  /** The directory of its cells, used by this worker's host alone. */
  readonly stateDirectory: string;
  /** The directory of installed tools. */
  readonly cacheDirectory: string;
  /** How bubblewrap is found. @default PATH, then the tools cache, then an installation there */
  readonly findBubblewrap?: BubblewrapFinder;
  /** Whether missing tools may be installed into the cache. */
  readonly installTools: boolean;
  /** Runs code without a sandbox; results then report isolation level `none`. @default false */
  readonly unsandboxed?: boolean;
  /** How many cells exist at once. @default 10 */
  readonly maximumCells?: number;
  /** How many cells all workers start in a second. @default there is no limit */
  readonly maximumStartsPerSecond?: number | undefined;
  /** The worker's maxima. Where one is not set, the machine bounds a request. @default none is set */
  readonly limits?: WorkerPolicy["limits"];
  readonly log: (line: string) => void;
}

/** Removes the cells, launchers and control groups of an earlier worker. Returns the number of its cells. */
async function sweepMachine(
  records: CellDirectories,
  launchers: string,
  remove: (cellId: string) => Promise<void>,
): Promise<number> {
  const abandoned = await records.abandoned();
  for (const cellId of abandoned) await remove(cellId);
  for (const name of await abandonedLaunchers(launchers)) await removeLauncher(launchers, name);
  // The groups' state directories may be gone, so the sweeps above do not find them.
  await sweepGroups((await findGroups())?.parents ?? []);
  return abandoned.length;
}

function engineOf(options: SubprocessOptions): Engine {
  const { stateDirectory, cacheDirectory, installTools, log } = options;
  if (options.unsandboxed) return bareEngine(stateDirectory, log);
  const find = options.findBubblewrap ?? findBubblewrap;
  const findTool = () => find({ cacheDirectory, installTools, log });
  return sandboxEngine({ stateDirectory, cacheDirectory, findBubblewrap: findTool });
}

/** Creates the provider of cells that are sandboxes on this machine. */
export function createSubprocessProvider(options: SubprocessOptions): CellProvider {
  const { stateDirectory, maximumCells = defaultMaximumCells.subprocess, limits = {}, log } = options;
  const records = cellDirectories(stateDirectory);
  const launchers = launcherDirectory(stateDirectory);
  const engine = engineOf(options);
  const placement = createPlacement("sandbox", [
    startRate(options.maximumStartsPerSecond),
    createSlots({ setting: "worker.maximumCells", maximum: maximumCells }),
  ]);
  const single = createOneProgramCells(engine, records, launchers);
  const lasting = createLastingCells(engine, records);
  const runner: ProgramRunner = { engine, records, single, lasting, self: identifyProcess() };
  const remove = async (cellId: string): Promise<void> => {
    await lasting.remove(cellId);
    await single.remove(cellId);
    await records.remove(cellId);
    placement.release(cellId);
  };
  return {
    name: "subprocess",
    reach: "host",
    maximumCells,
    placement,
    collectionMilliseconds: 60_000,
    status: () => statusBy(async () => ({ summary: await engine.examine(), isolation: await engine.isolation() })),
    check: (shape) => {
      if (options.unsandboxed) refuseMany(shape);
      if (options.unsandboxed) refusePackages(shape);
      applyMachine(shape, { limits }, machineLimits());
    },
    acquire: async ({ cellId, shape, owner }) => {
      await engine.examine();
      await engine.provision(shape);
      const isolation = await engine.isolation(shape);
      await records.create(cellId, owner);
      return { isolation };
    },
    run: (cell, n, program, context) => runClaimed(runner, cell, n, program, context),
    interrupt: async ({ cellId }, n) => lasting.interrupt(cellId, n),
    runtime: ({ shape }, ecosystem) => engine.runtime(shape, ecosystem),
    // They are mounted when the sandbox starts.
    addPackages: async () => {},
    // A sandbox for one program has ended with it.
    release: (cellId) => lasting.end(cellId, "the cell was released"),
    remove,
    find: async (cellId) => {
      const found = await records.ownerOf(cellId);
      return found && { cellId, ...found, finished: false };
    },
    // A sandbox does not outlive its worker.
    list: async () => [],
    sweep: async () => {
      const removed = await sweepMachine(records, launchers, remove);
      if (removed > 0) log(`removed ${removed} cells of an earlier worker`);
      return removed;
    },
    close: async () => {
      await lasting.endAll();
      await engine.close();
    },
  };
}
