import type { CellPlan } from "../../cell-plan.ts";
import type { ProgramContext } from "../../provider.ts";
import type { Launcher } from "../launcher/launcher.ts";
import type { CellDirectories } from "../sandbox/cell-directory.ts";
import type { Engine, PreparedSandbox } from "../sandbox/engine.ts";
import { rejection } from "../sandbox/follow-program.ts";
import type { LastingSandbox } from "./lasting-sandbox.ts";

/** A cell with many programs, as far as it may end while its sandbox starts. */
export interface OpeningCell {
  launcher?: Launcher;
  /** Why it runs no program any more. */
  ended?: string;
}

/** A started sandbox. */
export interface OpenedCell {
  readonly sandbox: LastingSandbox;
  readonly prepared: PreparedSandbox;
}

/**
 * Starts the sandbox of a cell, which has none yet, for its first program. If that fails, no record of it is left, so
 * that another attempt may start it.
 *
 * @throws KgentsError if it does not start
 */
export async function openCell(
  engine: Engine,
  records: CellDirectories,
  plan: CellPlan,
  cell: OpeningCell,
  { stop, abandoned }: Pick<ProgramContext, "stop" | "abandoned">,
): Promise<OpenedCell> {
  const { cellId } = plan;
  const prepared = await engine.prepareLasting(plan);
  const { launcher } = prepared;
  cell.launcher = launcher;
  const kill = (): void => launcher.kill();
  try {
    // Before it continues: what is already ended or stopped must not start.
    if (cell.ended !== undefined || stop.aborted) kill();
    stop.addEventListener("abort", kill, { once: true });
    records.record(cellId, launcher.name);
    const disconnect = await prepared.connect?.(launcher);
    launcher.ended.then(() => disconnect?.()).catch(() => {});
    return { sandbox: await Promise.race([prepared.open(), rejection(abandoned)]), prepared };
  } catch (error) {
    await launcher.remove();
    records.unrecord(cellId);
    throw error;
  } finally {
    stop.removeEventListener("abort", kill);
  }
}
