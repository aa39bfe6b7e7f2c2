import { removeCell } from "../remove-cell.ts";
import type { Kept } from "./run-here.ts";

/** Removes the cell of a session, if there is one. The session continues in another one. */
export async function dropCell({ memory }: Pick<Kept, "memory">, reason: string): Promise<void> {
  const { cell } = memory;
  if (cell === null) return;
  memory.cell = null;
  memory.gone = reason;
  await removeCell(cell, memory.cells);
}
