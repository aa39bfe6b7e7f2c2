/**
 * The operator's metrics, in Prometheus' text format. The operator has no Temporal SDK, whose meter the worker uses.
 *
 * @module
 */
import { type MetricDefinition, operatorMetrics } from "#core/telemetry/metrics";
import type { QueueState } from "../queue/work-queue.ts";
import type { ReconcileOutcome } from "../reconcile/reconcile.ts";

/** How a reconcile ended; `failed` if it is tried again. */
export type CountedOutcome = ReconcileOutcome | "failed";

const outcomes: readonly CountedOutcome[] = [
  ...(["gone", "leaving", "unchanged", "applied", "reverted", "refused", "failed"] as const),
];

/** What is read when metrics are asked for. */
export interface MetricSources {
  readonly queues: () => readonly QueueState[];
  /** Whether this operator leads, for each Lease that it stands for. */
  readonly leads: () => readonly boolean[];
  /** The number of kinds that cannot be listed or watched now. */
  readonly failing: () => number;
}

/** Counts, and renders. */
export interface OperatorMetrics {
  readonly reconciled: (outcome: CountedOutcome, seconds: number) => void;
  /** Sets what is read at each {@link render}. */
  readonly read: (sources: MetricSources) => void;
  readonly render: () => string;
}

/** As Prometheus' own clients name them. */
const processMetrics = {
  heap: { name: "nodejs_heap_size_used_bytes", labels: [], meaning: "used heap" },
  resident: { name: "process_resident_memory_bytes", labels: [], meaning: "resident memory" },
} as const satisfies Record<string, MetricDefinition>;

type Sample = readonly [labels: Readonly<Record<string, string>>, value: number];

function family({ name, meaning }: MetricDefinition, type: "counter" | "gauge", samples: readonly Sample[]): string {
  const full = type === "counter" ? `${name}_total` : name;
  const lines = samples.map(([labels, value]) => {
    const pairs = Object.entries(labels).map(([label, text]) => `${label}="${text}"`);
    return `${full}${pairs.length === 0 ? "" : `{${pairs.join(",")}}`} ${value}`;
  });
  return [`# HELP ${full} ${meaning}`, `# TYPE ${full} ${type}`, ...lines, ""].join("\n");
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

/** Creates the metrics. All counters begin at 0, so that Prometheus sees the first increase. */
export function createOperatorMetrics(): OperatorMetrics {
  const counts = new Map<CountedOutcome, number>(outcomes.map((outcome) => [outcome, 0]));
  let seconds = 0;
  let sources: MetricSources = { queues: () => [], leads: () => [], failing: () => 0 };
  return {
    reconciled: (outcome, taken) => {
      counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
      seconds += taken;
    },
    read: (from) => {
      sources = from;
    },
    render: () => {
      const queues = sources.queues();
      const { depth, age, reconciles, reconcileSeconds, leader, failingWatches } = operatorMetrics;
      const { heapUsed, rss } = process.memoryUsage();
      return [
        family(depth, "gauge", [[{}, sum(queues.map((queue) => queue.depth))]]),
        family(age, "gauge", [[{}, Math.max(0, ...queues.map((queue) => queue.age))]]),
        family(
          reconciles,
          "counter",
          [...counts].map(([outcome, count]): Sample => [{ outcome }, count]),
        ),
        family(reconcileSeconds, "counter", [[{}, seconds]]),
        family(leader, "gauge", [[{}, sources.leads().filter((leads) => leads).length]]),
        family(failingWatches, "gauge", [[{}, sources.failing()]]),
        family(processMetrics.heap, "gauge", [[{}, heapUsed]]),
        family(processMetrics.resident, "gauge", [[{}, rss]]),
      ].join("");
    },
  };
}
