/**
 * Records the metrics of a run at its end. Once per run, because the SDK suppresses metrics during replay.
 *
 * @module
 */
import { ApplicationFailure, metricMeter } from "@temporalio/workflow";
import type { ProvisionedCell } from "#activities/contract";
import { isFailureKind } from "#core/contract/failure";
import type { ExecutionResult } from "#core/contract/result";
import { runMetrics, unknownLabel } from "#core/telemetry/metrics";

type Cell = ProvisionedCell | undefined;

const counter = ({ name, meaning }: { name: string; meaning: string }) =>
  metricMeter.createCounter(name, undefined, meaning);

/**
 * Labels from the provisioned cell. The language of a refused request is not used as a label, because it is not
 * validated.
 */
const placeOf = (cell: Cell) => ({
  language: cell?.language ?? unknownLabel,
  backend: cell?.backend ?? unknownLabel,
});

function countEnd(cell: Cell, status: string, isolation: string | undefined): void {
  counter(runMetrics.runs).add(1, { ...placeOf(cell), status, isolation: isolation ?? unknownLabel });
  if (cell?.fallback) counter(runMetrics.fallbacks).add(1, { backend: cell.backend });
}

/** Counts a run that has a result, and how long its phases took. */
export function countResult({ status, isolation, timings }: ExecutionResult, cell: Cell): void {
  countEnd(cell, status, isolation?.level);
  const { name, meaning } = runMetrics.phase;
  const seconds = metricMeter.createHistogram(name, "float", undefined, meaning);
  const record = (phase: string, from: string | null, to: string | null): void => {
    if (from === null || to === null) return;
    // The times come from clocks of several machines, so a difference can be negative.
    seconds.record(Math.max(0, Date.parse(to) - Date.parse(from)) / 1000, { phase, ...placeOf(cell) });
  };
  const { queued, provisioned, started, finished } = timings;
  record("provisioning", queued, provisioned);
  record("starting", provisioned, started);
  record("running", started, finished);
  record("finishing", finished, new Date().toISOString());
}

/** Counts a run that could not be carried out. */
export function countFailure(failure: unknown, cell: Cell): void {
  const type = failure instanceof ApplicationFailure ? failure.type : undefined;
  countEnd(cell, "error", cell?.isolation.level);
  counter(runMetrics.failures).add(1, { kind: isFailureKind(type) ? type : "internal" });
}
