import { setWorkflowOptions, workflowInfo } from "@temporalio/workflow";
import { codeSession } from "./code-session.ts";
import { executeBatch } from "./execute-batch.ts";
import { executeCode } from "./execute-code.ts";
import { reapCell } from "./reap-cell.ts";
import { rollOutAgent } from "./roll-out-agent.ts";
import { sweepCells } from "./sweep-cells.ts";

/**
 * `AUTO_UPGRADE` for versioned workers. The server rejects a versioning behavior from unversioned workers.
 *
 * `executeCode` keeps the workers' default, `PINNED`, because it is short, and `codeSession`, because it moves on when it
 * continues as new. The other workflows can run for a day or
 * more (a TTL, a cluster outage, a batch). Pinned, they would keep the workers of an old version running. They have few
 * steps, and change through patches.
 */
const movesOn = () =>
  workflowInfo().currentDeploymentVersion?.deploymentName ? { versioningBehavior: "AUTO_UPGRADE" as const } : {};
setWorkflowOptions(movesOn, executeBatch);
setWorkflowOptions(movesOn, reapCell);
setWorkflowOptions(movesOn, rollOutAgent);
setWorkflowOptions(movesOn, sweepCells);

export { codeSession, executeBatch, executeCode, reapCell, rollOutAgent, sweepCells };
