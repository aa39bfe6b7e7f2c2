import { setCurrentDetails } from "@temporalio/workflow";
import type { SweepReport } from "#activities/contract";
import { prose } from "#core/text/markdown";
import { sweeping } from "./phases.ts";

/** Removes the cells of the cluster that have no live run. Started by a schedule. */
export async function sweepCells(): Promise<SweepReport> {
  const report = await sweeping().sweepCells();
  const { looked, removed, resisted = [], stopped } = report;
  setCurrentDetails(
    [
      `${looked} cells were not finished; ${removed.length} of them had no live run and were removed`,
      ...removed.map((cellId) => `- ${cellId}`),
      ...resisted.map((cellId) => `- ${cellId} could not be removed`),
      ...(stopped === null ? [] : [`Not all were looked at: ${prose(stopped)}`]),
    ].join("\n"),
  );
  return report;
}
