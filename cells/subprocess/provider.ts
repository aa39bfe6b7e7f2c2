/**
 * The provider of cells that are sandboxes on the worker's own machine.
 *
 * @module
 */
import type { WorkerPolicy } from "#core/configuration/configuration";
import { applyMachine } from "#core/configuration/policy";
import type { Program } from "#core/contract/cell-shape";
import { KgentsError } from "#core/contract/error";
import { messageOf } from "#core/text/message-of";
import { machineLimits } from "#platform/host/machine-limits";
import { identifyProcess } from "#platform/host/process-identity";
import type { CellPlan } from "../cell-plan.ts";
import { createPlacement } from "../placement/placement.ts";
import { createSlots } from "../placement/slots.ts";
import { startRate } from "../placement/start-rate.ts";
import { type CellProvider, lostOutcome, type ProgramContext, type ProgramOutcome } from "../provider.ts";
import { findGroups } from "./cgroups/find-groups.ts";
import { sweepGroups } from "./cgroups/sweep-groups.ts";
import { createLastingCells } from "./lasting/lasting-cells.ts";
import type { Launcher } from "./launcher/launcher.ts";
import { abandonedLaunchers, removeLauncher } from "./launcher/launcher-pool.ts";
import { type BubblewrapFinder, findBubblewrap } from "./machine/find-bubblewrap.ts";
import { bareEngine, refuseMany } from "./sandbox/bare-engine.ts";
import { cellDirectories } from "./sandbox/cell-directory.ts";
import { runSandbox } from "./sandbox/run-sandbox.ts";
import { launcherDirectory } from "./sandbox/sandbox.ts";
import { sandboxEngine } from "./sandbox/sandbox-engine.ts";
import { watchStart } from "./watch-start.ts";

/** The default of the configuration. */
const defaultMaximumCells = 10;

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

/** The failure of a program whose sandbox did not start, unless the error says more. */
function asStartFailure(error: unknown, context: ProgramContext): unknown {
  if (error instanceof KgentsError || context.abandoned.aborted) return error;
  const reason = messageOf(error);
  return new KgentsError("cell-start", `the sandbox could not be started: ${reason}`, { cause: error });
}

/** Creates the provider of cells that are sandboxes on this machine. */
export function createSubprocessProvider(options: SubprocessOptions): CellProvider {
  const { stateDirectory, cacheDirectory, installTools, limits = {}, log } = options;
  const { maximumCells = defaultMaximumCells } = options;
  const cells = cellDirectories(stateDirectory);
  const launchers = launcherDirectory(stateDirectory);
  const find = options.findBubblewrap ?? findBubblewrap;
  const engine = options.unsandboxed
    ? bareEngine(stateDirectory, log)
    : sandboxEngine({ stateDirectory, findBubblewrap: () => find({ cacheDirectory, installTools, log }) });
  const placement = createPlacement("sandbox", [
    startRate(options.maximumStartsPerSecond),
    createSlots({ setting: "worker.maximumCells", maximum: maximumCells }),
  ]);
  const self = identifyProcess();
  const living = new Map<string, Launcher>();

  const lasting = createLastingCells(engine, cells);

  /** Runs the only program of a cell. */
  const start = async (cell: CellPlan, program: Program, context: ProgramContext): Promise<ProgramOutcome> => {
    const prepared = await engine.prepare(cell, program, context);
    const { launcher } = prepared;
    living.set(cell.cellId, launcher);
    let takeDown: (() => Promise<void>) | undefined;
    try {
      cells.record(cell.cellId, launcher.name);
      takeDown = await prepared.connect?.(launcher);
      return await runSandbox(launcher, prepared.run, context);
    } catch (error) {
      launcher.kill();
      throw asStartFailure(error, context);
    } finally {
      await takeDown?.();
      // Prepare the next run's launcher now rather than earlier, so that it did not compete with this run for CPU time.
      engine.warm();
    }
  };

  /** Runs one of many programs of a cell. */
  const startNext = async (
    cell: CellPlan,
    n: number,
    program: Program,
    context: ProgramContext,
  ): Promise<ProgramOutcome> => {
    try {
      return await lasting.run(cell, n, program, context);
    } catch (error) {
      throw asStartFailure(error, context);
    } finally {
      engine.warm();
    }
  };

  const remove = async (cellId: string): Promise<void> => {
    await lasting.remove(cellId);
    const launcher = living.get(cellId);
    const name = launcher ? undefined : await cells.launcherOf(cellId);
    if (launcher) await launcher.remove();
    else if (name !== undefined) await removeLauncher(launchers, name);
    living.delete(cellId);
    await cells.remove(cellId);
    placement.release(cellId);
  };

  return {
    name: "subprocess",
    reach: "host",
    maximumCells,
    placement,
    collectionMilliseconds: 60_000,
    status: async () => {
      try {
        return { available: true, summary: await engine.examine(), isolation: await engine.isolation() };
      } catch (error) {
        if (!(error instanceof KgentsError)) throw error;
        return { available: false, summary: `${error.message}. ${error.remedy}`, isolation: null };
      }
    },
    check: (shape) => {
      if (options.unsandboxed) refuseMany(shape);
      applyMachine(shape, { limits }, machineLimits());
    },
    acquire: async ({ cellId, shape, owner }) => {
      await engine.examine();
      await engine.provision(shape);
      const isolation = await engine.isolation(shape);
      await cells.create(cellId, owner);
      return { isolation };
    },
    run: async (cell, n, program, context) => {
      const { cellId } = cell;
      if (cell.shape.programs === "one" && n > 1) return lostOutcome("the cell has ended with its only program");
      const lost = cells.claim(cellId, n, await self);
      if (lost !== null) return lostOutcome(lost);
      const watched = watchStart(context);
      try {
        if (cell.shape.programs === "many") return await startNext(cell, n, program, watched.context);
        return await start(cell, program, watched.context);
      } catch (error) {
        // The program was certainly not started, so another attempt may start it.
        if (!watched.mayHaveRun()) cells.unclaim(cellId, n);
        throw error;
      }
    },
    // A sandbox for one program has ended with it.
    release: (cellId) => lasting.end(cellId, "the cell was released"),
    remove,
    find: async (cellId) => {
      const found = await cells.ownerOf(cellId);
      return found && { cellId, ...found, finished: false };
    },
    // A sandbox does not outlive its worker.
    list: async () => [],
    sweep: async () => {
      const abandoned = await cells.abandoned();
      for (const cellId of abandoned) await remove(cellId);
      for (const name of await abandonedLaunchers(launchers)) await removeLauncher(launchers, name);
      // The groups' state directories may be gone, so the sweeps above do not find them.
      await sweepGroups((await findGroups())?.parents ?? []);
      if (abandoned.length > 0) log(`took away ${abandoned.length} cells of an earlier worker`);
      return abandoned.length;
    },
    close: async () => {
      await lasting.endAll();
      await engine.close();
    },
  };
}
