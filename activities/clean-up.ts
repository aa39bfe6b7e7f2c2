import type { CellInput } from "./contract.ts";
import type { ActivityDependencies } from "./dependencies.ts";
import { servedBackend } from "./execute.ts";

/** Phase 3: takes the cell away, whatever became of the code. */
export const cleanUp =
  (dependencies: ActivityDependencies) =>
  async ({ backend, cellId }: Omit<CellInput, "request">): Promise<void> => {
    const { running, limiter } = dependencies;
    const cell = running.get(cellId)?.running;
    cell?.stop("cancelled", "the cell was cleaned up while the code ran");
    await cell?.outcome.catch(() => {});
    await servedBackend(dependencies, backend).cleanUp(cellId);
    limiter.release(cellId);
    running.forget(cellId);
  };
