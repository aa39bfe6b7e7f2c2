import type { Program } from "#core/contract/cell-shape";
import type { ProcessIdentity } from "#platform/host/process-identity";
import type { CellPlan } from "../cell-plan.ts";
import { lostOutcome, type ProgramContext, type ProgramOutcome } from "../provider.ts";
import type { LastingCells } from "./lasting/lasting-cells.ts";
import type { OneProgramCells } from "./one-program-cells.ts";
import type { CellDirectories } from "./sandbox/cell-directory.ts";
import type { Engine } from "./sandbox/engine.ts";
import { asStartFailure } from "./start-failure.ts";
import { watchStart } from "./watch-start.ts";

/** The parts of this machine that run programs. */
export interface ProgramRunner {
  readonly engine: Engine;
  readonly records: CellDirectories;
  readonly single: OneProgramCells;
  readonly lasting: LastingCells;
  /** The process that claims programs. */
  readonly self: Promise<ProcessIdentity>;
}

async function runLasting(
  { engine, lasting }: ProgramRunner,
  cell: CellPlan,
  n: number,
  program: Program,
  context: ProgramContext,
): Promise<ProgramOutcome> {
  try {
    return await lasting.run(cell, n, program, context);
  } catch (error) {
    throw asStartFailure(error, context);
  } finally {
    engine.warm();
  }
}

/**
 * Claims program `n` of a cell and runs it.
 *
 * @throws KgentsError if it was certainly not started; the claim is then given back
 */
export async function runClaimed(
  runner: ProgramRunner,
  cell: CellPlan,
  n: number,
  program: Program,
  context: ProgramContext,
): Promise<ProgramOutcome> {
  const { records, single, self } = runner;
  const { cellId } = cell;
  const isLasting = cell.shape.programs !== "one";
  if (!isLasting && n > 1) return lostOutcome("the cell has ended with its only program");
  const lost = records.claim(cellId, n, await self);
  if (lost !== null) return lostOutcome(lost);
  const watched = watchStart(context);
  try {
    if (isLasting) return await runLasting(runner, cell, n, program, watched.context);
    return await single.run(cell, program, watched.context);
  } catch (error) {
    // The program was certainly not started, so another attempt may start it.
    if (!watched.mayHaveRun()) records.unclaim(cellId, n);
    throw error;
  }
}
