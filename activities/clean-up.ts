import { servedProvider } from "#cells/placement/choose-provider";
import type { CleanUpInput, Elsewhere } from "./contract.ts";
import type { ActivityDependencies } from "./dependencies.ts";
import { isElsewhere } from "./execute.ts";

/** Phase 3: removes the cell. Stops the code first if it still runs. */
export const cleanUp =
  (dependencies: ActivityDependencies) =>
  async ({ backend, cellId, taskQueue }: CleanUpInput): Promise<Elsewhere | undefined> => {
    if (isElsewhere(dependencies, { taskQueue })) return { elsewhere: true };
    const { running } = dependencies;
    const cell = running.get(cellId)?.running;
    cell?.stop("cancelled", "the cell was cleaned up while the code ran");
    await cell?.outcome.catch(() => {});
    await servedProvider(dependencies, backend).remove(cellId);
    running.forget(cellId);
    return undefined;
  };
