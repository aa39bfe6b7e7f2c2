import type { Program } from "#core/contract/cell-shape";
import type { CellPlan } from "../cell-plan.ts";
import type { ProgramContext, ProgramOutcome } from "../provider.ts";
import type { Launcher } from "./launcher/launcher.ts";
import { removeLauncher } from "./launcher/launcher-pool.ts";
import type { CellDirectories } from "./sandbox/cell-directory.ts";
import type { Engine } from "./sandbox/engine.ts";
import { runSandbox } from "./sandbox/run-sandbox.ts";
import { asStartFailure } from "./start-failure.ts";

/** The cells that run one program, each in a sandbox that ends with it. */
export interface OneProgramCells {
  /** Runs the program of a cell. The caller has claimed it. */
  readonly run: (cell: CellPlan, program: Program, context: ProgramContext) => Promise<ProgramOutcome>;
  /** Removes the sandbox of a cell, also one that an earlier worker started. Does nothing if there is none. */
  readonly remove: (cellId: string) => Promise<void>;
}

/** @param launchers the directory of the launchers' records */
export function createOneProgramCells(engine: Engine, records: CellDirectories, launchers: string): OneProgramCells {
  const living = new Map<string, Launcher>();
  return {
    run: async (cell, program, context) => {
      const prepared = await engine.prepare(cell, program, context);
      const { launcher } = prepared;
      living.set(cell.cellId, launcher);
      let disconnect: (() => Promise<void>) | undefined;
      try {
        records.record(cell.cellId, launcher.name);
        disconnect = await prepared.connect?.(launcher);
        return await runSandbox(launcher, prepared.run, context);
      } catch (error) {
        launcher.kill();
        throw asStartFailure(error, context);
      } finally {
        await disconnect?.();
        // Prepare the next run's launcher now rather than earlier, so that it did not compete with this run for CPU time.
        engine.warm();
      }
    },
    remove: async (cellId) => {
      const launcher = living.get(cellId);
      const name = launcher ? undefined : await records.launcherOf(cellId);
      if (launcher) await launcher.remove();
      else if (name !== undefined) await removeLauncher(launchers, name);
      living.delete(cellId);
    },
  };
}
