import { KgentsError } from "../core/error.ts";
import type { ClusterCells } from "./backends/backend.ts";
import type { ReapInput } from "./contract.ts";
import type { ActivityDependencies } from "./dependencies.ts";
import { servedBackend } from "./execute.ts";

function clusterOf(dependencies: ActivityDependencies, { backend }: ReapInput): ClusterCells {
  const { cluster } = servedBackend(dependencies, backend);
  if (cluster) return cluster;
  throw new KgentsError("internal", `cells of the backend ${backend} are cleaned up, not reaped`);
}

/** Lets the supervisor of a finished cell end: its output is in the result. */
export const releaseCell =
  (dependencies: ActivityDependencies) =>
  async (input: ReapInput): Promise<void> =>
    clusterOf(dependencies, input).release(input.cellId);

/** Takes away what is left of a cell after its TTL, and confirms that nothing is. */
export const removeCell =
  (dependencies: ActivityDependencies) =>
  async (input: ReapInput): Promise<void> =>
    servedBackend(dependencies, input.backend).cleanUp(input.cellId);
