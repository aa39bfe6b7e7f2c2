import { servedProvider } from "#cells/placement/choose-provider";
import type { CellProvider, OwnedCell } from "#cells/provider";
import { KgentsError } from "#core/contract/error";
import { faultInReap } from "#core/contract/workflow-inputs";
import type { ReapInput } from "./contract.ts";
import type { ActivityDependencies } from "./dependencies.ts";
import { refuse } from "./inputs.ts";

/**
 * Checks that a cell may be reaped: its run is the parent of this workflow, or is closed. Anyone with access to the
 * namespace can start a `reapCell` workflow, and it must not end the cell of an open run.
 *
 * @returns the provider, and the cell if it exists
 * @throws KgentsError `invalid-request` if the input is not a cell of a cluster, or its run is open
 */
async function reapable(
  dependencies: ActivityDependencies,
  input: ReapInput,
): Promise<{ readonly provider: CellProvider; readonly found: OwnedCell | undefined }> {
  refuse(faultInReap(input));
  const provider = servedProvider(dependencies, input.backend);
  const owned = await provider.find(input.cellId);
  // Without a Job there is no owner to check: only remains of the cell may be left.
  const answer = { provider, found: owned ?? undefined };
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

/** Lets the supervisor of a finished cell end. Its output is already in the result. */
export const releaseCell =
  (dependencies: ActivityDependencies) =>
  async (input: ReapInput): Promise<void> => {
    const { provider } = await reapable(dependencies, input);
    await provider.release(input.cellId);
  };

/** Removes a cell's Job and pods after its TTL, and confirms that they are gone. */
export const removeCell =
  (dependencies: ActivityDependencies) =>
  async (input: ReapInput): Promise<void> => {
    const { provider, found } = await reapable(dependencies, input);
    await provider.remove(input.cellId, found);
  };
