import { KgentsError } from "#core/contract/error";
import type { CellPlan } from "../../cell-plan.ts";
import { ClusterError } from "../api/cluster-error.ts";
import type { OwnCells } from "../api/own-cells.ts";
import { awaitRunning } from "../cell/await-running.ts";
import { cellContainer } from "../cell/classify-cell.ts";
import { type ExecSession, openSession } from "../exec/exec-session.ts";

/**
 * Waits for the pod of a cell whose code was not started.
 *
 * @returns its name
 * @throws NoPlace; KgentsError
 */
async function runningPod(own: OwnCells, cell: CellPlan, signal: AbortSignal): Promise<string> {
  const patience = AbortSignal.any([signal, AbortSignal.timeout(cell.shape.startupTimeout)]);
  const { state } = await awaitRunning(own, cell, patience);
  if (state.state === "running") return state.pod;
  if (state.state === "failed") throw new KgentsError(state.kind, state.detail);
  throw new KgentsError("cell-start", `the cell ended before its packages were there (exit code ${state.exitCode})`);
}

/**
 * Starts a program in a cell whose code was not started.
 *
 * @throws NoPlace; KgentsError, `cell-start` if the cluster does not answer: another attempt may help
 */
export async function openInCell(
  own: OwnCells,
  cell: CellPlan,
  command: readonly string[],
  options: { readonly stdin?: boolean; readonly signal: AbortSignal },
): Promise<ExecSession> {
  const pod = await runningPod(own, cell, options.signal);
  try {
    return await openSession(own.client, { pod, container: cellContainer }, command, options);
  } catch (error) {
    if (!(error instanceof ClusterError)) throw error;
    throw new KgentsError("cell-start", `${error.what}: ${error.message}`, { cause: error });
  }
}
