/**
 * The backend that runs code in a sandbox on the worker's own machine.
 *
 * @module
 */

import { KgentsError } from "#core/contract/error";
import { messageOf } from "#core/text/message-of";
import { identifyProcess } from "#platform/host/process-identity";
import type { Backend, CellOutcome, CellPlan, ExecuteContext } from "../provider.ts";
import { findGroups } from "./cgroups/find-groups.ts";
import { sweepGroups } from "./cgroups/sweep-groups.ts";
import type { Launcher } from "./launcher/launcher.ts";
import { abandonedLaunchers, removeLauncher } from "./launcher/launcher-pool.ts";
import { type BubblewrapFinder, findBubblewrap } from "./machine/find-bubblewrap.ts";
import { bareEngine } from "./sandbox/bare-engine.ts";
import { cellDirectories } from "./sandbox/cell-directory.ts";
import { runSandbox } from "./sandbox/run-sandbox.ts";
import { launcherDirectory } from "./sandbox/sandbox.ts";
import { sandboxEngine } from "./sandbox/sandbox-engine.ts";

/** Options of a subprocess backend. */
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
  readonly log: (line: string) => void;
}

/** A subprocess backend. */
export interface SubprocessBackend extends Backend {
  /**
   * Ends the process that waits for the next run. Without this call it ends with the worker, and the next sweep cleans
   * up.
   */
  readonly close: () => Promise<void>;
}

const lostOutcome = (reason: string): CellOutcome => ({
  exit: null,
  outOfMemory: false,
  lost: reason,
  usage: { peakMemoryBytes: null, cpuSeconds: null },
  filesOmitted: [],
});

/** Creates the backend that runs code in a sandbox on this machine. */
export function createSubprocessBackend(options: SubprocessOptions): SubprocessBackend {
  const { stateDirectory, cacheDirectory, installTools, log } = options;
  const cells = cellDirectories(stateDirectory);
  const launchers = launcherDirectory(stateDirectory);
  const find = options.findBubblewrap ?? findBubblewrap;
  const engine = options.unsandboxed
    ? bareEngine(stateDirectory, log)
    : sandboxEngine({ stateDirectory, findBubblewrap: () => find({ cacheDirectory, installTools, log }) });
  const self = identifyProcess();
  const living = new Map<string, Launcher>();

  const run = async (plan: CellPlan, context: ExecuteContext): Promise<CellOutcome> => {
    const prepared = await engine.prepare(plan, context);
    const { launcher } = prepared;
    living.set(plan.cellId, launcher);
    let takeDown: (() => Promise<void>) | undefined;
    try {
      cells.record(plan.cellId, launcher.name);
      takeDown = await prepared.connect?.(launcher);
      return await runSandbox(launcher, prepared.run, context);
    } catch (error) {
      launcher.kill();
      if (error instanceof KgentsError || context.abandoned.aborted) throw error;
      const reason = messageOf(error);
      throw new KgentsError("cell-start", `the sandbox could not be started: ${reason}`, { cause: error });
    } finally {
      await takeDown?.();
      // Prepare the next run's launcher now rather than earlier, so that it did not compete with this run for CPU time.
      engine.warm();
    }
  };

  const cleanUp = async (cellId: string): Promise<void> => {
    const launcher = living.get(cellId);
    const name = launcher ? undefined : await cells.launcherOf(cellId);
    if (launcher) await launcher.remove();
    else if (name !== undefined) await removeLauncher(launchers, name);
    living.delete(cellId);
    await cells.remove(cellId);
  };

  return {
    name: "subprocess",
    hostBound: true,
    status: async () => {
      try {
        return { available: true, summary: await engine.examine(), isolation: await engine.isolation() };
      } catch (error) {
        if (!(error instanceof KgentsError)) throw error;
        return { available: false, summary: `${error.message}. ${error.remedy}`, isolation: null };
      }
    },
    provision: async (plan) => {
      await engine.examine();
      await engine.provision(plan);
      const isolation = await engine.isolation(plan);
      await cells.create(plan.cellId);
      return { isolation };
    },
    execute: async (plan, context) => {
      const lost = cells.claim(plan.cellId, await self);
      if (lost !== null) return lostOutcome(lost);
      let mayHaveRun = false;
      const started = (): void => {
        mayHaveRun = true;
        context.started();
      };
      try {
        return await run(plan, { ...context, started });
      } catch (error) {
        // The code was certainly not started, so another attempt may start it.
        if (!mayHaveRun) cells.unclaim(plan.cellId);
        throw error;
      }
    },
    cleanUp,
    sweep: async () => {
      const abandoned = await cells.abandoned();
      for (const cellId of abandoned) await cleanUp(cellId);
      for (const name of await abandonedLaunchers(launchers)) await removeLauncher(launchers, name);
      // The groups' state directories may be gone, so the sweeps above do not find them.
      await sweepGroups((await findGroups())?.parents ?? []);
      if (abandoned.length > 0) log(`took away ${abandoned.length} cells of an earlier worker`);
      return abandoned.length;
    },
    close: () => engine.close(),
  };
}
