import { setWorkflowOptions, workflowInfo } from "@temporalio/workflow";
import { executeBatch } from "./execute-batch.ts";
import { executeCode } from "./execute-code.ts";
import { reapCell } from "./reap-cell.ts";
import { sweepCells } from "./sweep-cells.ts";

/**
 * Moves on to a new version of the workers, where these have versions: the server refuses a behaviour from those that have none.
 *
 * `executeCode` is left to the workers' default, `PINNED`: it ends with the version that began it, and is short. The others would keep the
 * workers of an old version for as long as a TTL and a cluster's outage last, a day and more, or for as long as a batch; their steps are few, and
 * change by patches.
 */
const movesOn = () =>
  workflowInfo().currentDeploymentVersion?.deploymentName ? { versioningBehavior: "AUTO_UPGRADE" as const } : {};
setWorkflowOptions(movesOn, executeBatch);
setWorkflowOptions(movesOn, reapCell);
setWorkflowOptions(movesOn, sweepCells);

export { executeBatch, executeCode, reapCell, sweepCells };
