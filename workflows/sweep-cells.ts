import { setCurrentDetails } from "@temporalio/workflow";
import type { SweepReport } from "#activities/contract";
import { prose } from "#core/text/markdown";
import { sweeping } from "./phases.ts";

/** One round through the cells of the cluster, started by a schedule: takes away what no live run owns. */
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
