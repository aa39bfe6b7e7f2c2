/**
 * The metrics of kgents: names, units and meanings. A worker with `--metrics-port` exposes them beside the SDK's own.
 * Labels have low cardinality: languages, backends and kinds known to the configuration and to this code, never values
 * of a request, and no ids.
 *
 * @module
 */

/** The name, labels and meaning of a metric. Prometheus appends `_total` to the name of a counter. */
export interface MetricDefinition {
  readonly name: string;
  readonly labels: readonly string[];
  readonly meaning: string;
}

/** Metrics that the workflow records, once per run. */
export const runMetrics = {
  runs: {
    name: "kgents_runs",
    labels: ["language", "backend", "status", "isolation"],
    meaning: "completed runs; status `error` if the run could not be carried out, isolation as in the result",
  },
  phase: {
    name: "kgents_run_phase_seconds",
    labels: ["phase", "language", "backend"],
    meaning:
      "seconds that a run spent in a phase: `provisioning` (queueing included), `starting`, `running`, `finishing`",
  },
  fallbacks: {
    name: "kgents_fallbacks",
    labels: ["backend"],
    meaning: "runs that did not run on their preferred backend; `backend` is the one they ran on",
  },
  failures: {
    name: "kgents_run_failures",
    labels: ["kind"],
    meaning: "runs that could not be carried out, by the kind of their failure",
  },
} as const satisfies Record<string, MetricDefinition>;

/** Metrics that each worker records about itself. */
export const workerMetrics = {
  cells: {
    name: "kgents_cells",
    labels: ["backend"],
    meaning: "cells that this worker manages now",
  },
  waiting: {
    name: "kgents_cells_waiting",
    labels: ["backend"],
    meaning: "runs that wait on this worker for a slot or for quota",
  },
  maximum: {
    name: "kgents_cells_maximum",
    labels: ["backend"],
    meaning: "the most sandboxes that may exist on this worker at once; the most cells of a cluster that it takes on",
  },
  available: {
    name: "kgents_backend_available",
    labels: ["backend"],
    meaning: "1 if the backend can take runs, 0 if not; checked twice a minute",
  },
  isolation: {
    name: "kgents_isolation_level",
    labels: ["backend", "level"],
    meaning:
      "1 for the level of isolation that the backend provides on this worker (`sandbox`, `cluster`, `none`), 0 for the others",
  },
  enforced: {
    name: "kgents_isolation_enforced",
    labels: ["backend", "limit"],
    meaning: "1 if the code cannot get around this part of the isolation (`network`, `memory` and so on), 0 if it can",
  },
  storeErrors: {
    name: "kgents_store_errors",
    labels: ["operation"],
    meaning: "failed operations on the artifact store",
  },
} as const satisfies Record<string, MetricDefinition>;

/** Metrics that each operator records about itself. Its `--metrics-port` serves these only. */
export const operatorMetrics = {
  depth: {
    name: "kgents_operator_queue_depth",
    labels: [],
    meaning: "Agents that wait to be reconciled",
  },
  age: {
    name: "kgents_operator_queue_age_seconds",
    labels: [],
    meaning: "how long the first of them has waited",
  },
  reconciles: {
    name: "kgents_operator_reconciles",
    labels: ["outcome"],
    meaning:
      "reconciled Agents; outcome is `unchanged`, `applied`, `reverted` (drift), `refused`, `leaving`, `gone`, or `failed` if it is tried again",
  },
  reconcileSeconds: {
    name: "kgents_operator_reconcile_seconds",
    labels: [],
    meaning: "the time that reconciles took",
  },
  leader: {
    name: "kgents_operator_leader",
    labels: [],
    meaning: "1 if this operator leads, 0 if it stands by; with several namespaces the number that it leads in",
  },
  failingWatches: {
    name: "kgents_operator_failing_watches",
    labels: [],
    meaning: "kinds of objects that cannot be listed or watched now; what the operator knows of them may be old",
  },
} as const satisfies Record<string, MetricDefinition>;

/** The label value if the actual value is not known, such as the backend of a refused run. */
export const unknownLabel = "unknown";

/**
 * Upper bounds of the buckets of {@link runMetrics.phase}, in seconds: from a warm sandbox to the longest time limit.
 */
export const phaseBuckets = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200, 86_400];
