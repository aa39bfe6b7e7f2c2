/**
 * The backend that runs code in a sandbox on the worker's own machine.
 *
 * @module
 */

import { KgentsError } from "../../../core/error.ts";
import type { Isolation } from "../../../core/result.ts";
import { identifyProcess } from "../../host/process-identity.ts";
import type { Backend, BackendStatus, CellOutcome, CellPlan, ExecuteContext } from "../backend.ts";
import { cellDirectories } from "./cell-directory.ts";
import { checkDisk, composeRun } from "./compose-run.ts";
import { type BubblewrapFinder, findBubblewrap } from "./find-bubblewrap.ts";
import { createInterpreterCache } from "./interpreter-cache.ts";
import { rlimitFallback, sandboxIsolation } from "./isolation.ts";
import type { Launcher } from "./launcher.ts";
import { abandonedLaunchers, removeLauncher } from "./launcher-pool.ts";
import { cellLimits } from "./limits.ts";
import { prepareNetwork } from "./network/isolate-network.ts";
import { runSandbox } from "./run-sandbox.ts";
import { launcherDirectory, type Sandbox, sandboxSource } from "./sandbox.ts";
import { unsandboxedBackend } from "./unsandboxed.ts";

/** How a subprocess backend is set up. */
export interface SubprocessOptions {
  /** Where its cells live; of this worker's host alone. */
  readonly stateDirectory: string;
  /** Where installed tools are kept. */
  readonly cacheDirectory: string;
  /** How bubblewrap is found. @default PATH, then the tools cache, then an installation there */
  readonly findBubblewrap?: BubblewrapFinder;
  /** Whether missing tools may be installed into the cache. */
  readonly installTools: boolean;
  /** Runs code without any sandbox; results then say isolation level `none`. @default false */
  readonly unsandboxed?: boolean;
  readonly log: (line: string) => void;
}

/** A subprocess backend; `close` gives back what it holds ready. */
export interface SubprocessBackend extends Backend {
  /** Ends the processes that wait for the next run. Without it they end with the worker. */
  readonly close: () => Promise<void>;
}

/** Creates the backend that runs code in a sandbox on this machine. */
export function createSubprocessBackend(options: SubprocessOptions): SubprocessBackend {
  const { stateDirectory, cacheDirectory, installTools, log } = options;
  const cells = cellDirectories(stateDirectory);
  const launchers = launcherDirectory(stateDirectory);
  const interpreterOf = createInterpreterCache();
  const find = options.findBubblewrap ?? findBubblewrap;
  const source = sandboxSource({ stateDirectory, findBubblewrap: () => find({ cacheDirectory, installTools, log }) });
  const self = identifyProcess();
  const living = new Map<string, Launcher>();

  const isolationOf = async (plan: CellPlan, sandbox: Sandbox): Promise<Isolation> => {
    const limits = cellLimits(plan.spec);
    const interpreter = await interpreterOf(plan.language);
    const fallback = rlimitFallback(sandbox.machine, limits, interpreter.command[0] ?? "");
    return sandboxIsolation(sandbox.machine, limits, plan.spec.network, fallback);
  };

  const run = async (plan: CellPlan, context: ExecuteContext): Promise<CellOutcome> => {
    const [sandbox, interpreter] = await Promise.all([source.get(), interpreterOf(plan.language)]);
    const { machine, pool } = sandbox;
    const composed = await composeRun(plan, context, machine, interpreter, cellLimits(plan.spec));
    const closed = plan.spec.network ? await prepareNetwork(machine.mode) : undefined;
    const launcher = await (closed ? pool.prepare(closed.launcherPrefix) : pool.take());
    living.set(plan.cellId, launcher);
    let takeDown: (() => Promise<void>) | undefined;
    try {
      cells.record(plan.cellId, launcher.name);
      takeDown = await closed?.connect(launcher);
      return await runSandbox(launcher, composed, context);
    } catch (error) {
      launcher.kill();
      throw error;
    } finally {
      await takeDown?.();
      // The next run's launcher is made now and not before: this run had the processors to itself.
      pool.warm();
    }
  };

  const cleanUp = async (cellId: string): Promise<void> => {
    const launcher = living.get(cellId);
    if (launcher) await launcher.remove();
    else {
      const name = await cells.launcherOf(cellId);
      if (name !== undefined) await removeLauncher(launchers, name);
    }
    living.delete(cellId);
    await cells.remove(cellId);
  };

  if (options.unsandboxed) return unsandboxedBackend({ stateDirectory, cells, interpreterOf });
  return {
    name: "subprocess",
    hostBound: true,
    status: async (): Promise<BackendStatus> => {
      try {
        const { machine } = await source.get();
        const limits = cellLimits({ memory: 128 * 2 ** 20, cpu: 100, disk: 100 * 2 ** 20 });
        const isolation = sandboxIsolation(machine, limits, false, rlimitFallback(machine, limits, ""));
        return { available: true, summary: `sandbox by bubblewrap ${machine.version}`, isolation };
      } catch (error) {
        if (!(error instanceof KgentsError)) throw error;
        return { available: false, summary: `${error.message}. ${error.remedy}`, isolation: null };
      }
    },
    provision: async (plan) => {
      checkDisk(plan);
      const sandbox = await source.get();
      sandbox.pool.warm();
      if (plan.spec.network) await prepareNetwork(sandbox.machine.mode);
      const isolation = await isolationOf(plan, sandbox);
      await cells.create(plan.cellId);
      return { isolation };
    },
    execute: async (plan, context) => {
      const lost = cells.claim(plan.cellId, await self);
      if (lost !== null) return lostOutcome(lost);
      try {
        return await run(plan, context);
      } catch (error) {
        cells.unclaim(plan.cellId);
        throw error;
      }
    },
    cleanUp,
    sweep: async () => {
      const abandoned = await cells.abandoned();
      for (const cellId of abandoned) await cleanUp(cellId);
      for (const name of await abandonedLaunchers(launchers)) await removeLauncher(launchers, name);
      if (abandoned.length > 0) log(`took away ${abandoned.length} cells of an earlier worker`);
      return abandoned.length;
    },
    close: () => source.close(),
  };
}

const lostOutcome = (reason: string): CellOutcome => ({
  exit: null,
  outOfMemory: false,
  lost: reason,
  usage: { peakMemoryBytes: null, cpuSeconds: null },
  filesOmitted: [],
});
