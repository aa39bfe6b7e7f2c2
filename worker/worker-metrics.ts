import type { MetricMeter } from "@temporalio/common";
import type { KnownCell } from "#activities/running-cells";
import type { BackendName, Isolation } from "#core/contract/result";
import { workerMetrics } from "#core/telemetry/metrics";
import { type StoreOperation, storeOperations } from "#platform/store/count-errors";

/** A worker's metrics. */
export interface WorkerMetrics {
  /** The worker's present cells, after each change. */
  readonly cells: (cells: readonly KnownCell[]) => void;
  /** The maximum number of concurrent cells of a backend. */
  readonly maximum: (backend: BackendName, cells: number) => void;
  /** The number of runs that wait in this worker for a place. */
  readonly waiting: (backend: BackendName, runs: number) => void;
  readonly available: (backend: BackendName, available: boolean) => void;
  /** The limits that a backend enforces here, from its latest check. */
  readonly isolation: (backend: BackendName, isolation: Isolation) => void;
  readonly storeError: (operation: StoreOperation) => void;
}

const levels: readonly Isolation["level"][] = ["sandbox", "cluster", "none"];

/**
 * Creates a worker's metrics.
 *
 * @param meter the SDK's; a no-op if no metrics are served
 * @param backends the backends that the worker serves
 */
export function createWorkerMetrics(meter: MetricMeter, backends: readonly BackendName[]): WorkerMetrics {
  const gauge = ({ name, meaning }: { name: string; meaning: string }) =>
    meter.createGauge(name, "int", undefined, meaning);
  const cellGauge = gauge(workerMetrics.cells);
  const waitingGauge = gauge(workerMetrics.waiting);
  const maximumGauge = gauge(workerMetrics.maximum);
  const availableGauge = gauge(workerMetrics.available);
  const levelGauge = gauge(workerMetrics.isolation);
  const enforcedGauge = gauge(workerMetrics.enforced);
  const { name, meaning } = workerMetrics.storeErrors;
  const storeErrors = meter.createCounter(name, undefined, meaning);
  // Start at 0: Prometheus cannot see the increase of a counter that appears with its first error.
  for (const operation of storeOperations) storeErrors.add(0, { operation });
  const setCells = (cells: readonly KnownCell[]): void => {
    for (const backend of backends) {
      cellGauge.set(cells.filter((cell) => cell.backend === backend).length, { backend });
    }
  };
  setCells([]);
  return {
    cells: setCells,
    maximum: (backend, cells) => maximumGauge.set(cells, { backend }),
    waiting: (backend, runs) => waitingGauge.set(runs, { backend }),
    available: (backend, available) => availableGauge.set(Number(available), { backend }),
    isolation: (backend, { level: found, mechanism: _, ...parts }) => {
      for (const level of levels) levelGauge.set(Number(level === found), { backend, level });
      for (const [limit, { enforced }] of Object.entries(parts)) {
        enforcedGauge.set(Number(enforced), { backend, limit });
      }
    },
    storeError: (operation) => storeErrors.add(1, { operation }),
  };
}
