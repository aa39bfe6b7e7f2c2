import { CancellationScope, log } from "@temporalio/workflow";
import type { ProvisionedCell } from "#activities/contract";
import { cleaning } from "./phases.ts";

/** Removes a cell, also when the run is cancelled. Never fails: the next worker on a lost host sweeps its cells. */
export async function removeCell(cell: ProvisionedCell, attempt: number): Promise<void> {
  await CancellationScope.nonCancellable(async () => {
    try {
      const { cellId, backend, taskQueue, requester } = cell;
      const input = { attempt, cellId, backend, taskQueue, requester };
      if (await cleaning(cell, "here").cleanUp(input)) await cleaning(cell, "host").cleanUp(input);
    } catch (error) {
      log.warn("clean-up was not confirmed; the worker's sweep will do it", {
        cellId: cell.cellId,
        error: String(error),
      });
    }
  });
}
