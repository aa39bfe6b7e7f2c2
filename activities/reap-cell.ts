import type { ClusterCells, OwnedCell } from "#cells/provider";
import { KgentsError } from "#core/contract/error";
import { faultInReap } from "#core/contract/workflow-inputs";
import type { ReapInput } from "./contract.ts";
import type { ActivityDependencies } from "./dependencies.ts";
import { servedBackend } from "./execute.ts";
import { refuse } from "./inputs.ts";

/**
 * The cluster of a cell that may be reaped, and the cell where it is there: its run has started this reaping as its child, or is over. Anybody who reaches the namespace
 * can start a reaping, and it must not end the cell of a run that goes on.
 *
 * @throws KgentsError `invalid-request` where the input is no cell of a cluster, or its run goes on
 */
async function reapable(
  dependencies: ActivityDependencies,
  input: ReapInput,
): Promise<{ readonly cluster: ClusterCells; readonly found: OwnedCell | undefined }> {
  refuse(faultInReap(input));
  const { cluster } = servedBackend(dependencies, input.backend);
  if (!cluster) throw new KgentsError("backend-unavailable", `this worker's ${input.backend} has no cells to reap`);
  const owned = await cluster.find(input.cellId);
  // Where the Job is gone, what may be left of it belongs to nobody.
  const answer = { cluster, found: owned ?? undefined };
  if (owned === null || input.parent?.workflowId === owned.workflowId) return answer;
  const run = await dependencies.askRun(owned.workflowId, owned.runId);
  if (run === undefined) {
    throw new KgentsError("temporal-unavailable", `whether the run of ${input.cellId} is over cannot be asked`);
  }
  if (!run.open) return answer;
  throw new KgentsError(
    "invalid-request",
    `cellId: got ${input.cellId}, whose run goes on; allowed is a cell whose run is over`,
    {
      field: "cellId",
      remedy: `Cancel the run first: kgents cancel ${owned.workflowId}`,
    },
  );
}

/** Lets the supervisor of a finished cell end: its output is in the result. */
export const releaseCell =
  (dependencies: ActivityDependencies) =>
  async (input: ReapInput): Promise<void> => {
    const { cluster } = await reapable(dependencies, input);
    await cluster.release(input.cellId);
  };

/** Takes away what is left of a cell after its TTL, and confirms that nothing is. */
export const removeCell =
  (dependencies: ActivityDependencies) =>
  async (input: ReapInput): Promise<void> => {
    const { found } = await reapable(dependencies, input);
    await servedBackend(dependencies, input.backend).cleanUp(input.cellId, found);
  };
