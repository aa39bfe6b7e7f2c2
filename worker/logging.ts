import type { MetricMeter } from "@temporalio/common";
import { DefaultLogger, type LogEntry, Runtime } from "@temporalio/worker";
import { pino } from "pino";
import { phaseBuckets, runMetrics } from "#core/telemetry/metrics";
import { printableJson } from "#core/text/printable-json";

/** The worker's log: JSON lines, one an event. */
export type Logger = ReturnType<typeof createLogger>;

/** Log lines that cannot be written are kept up to so many bytes, then dropped. */
const keptBytes = 2 ** 20;

/** Makes the log on stderr. `LOG_LEVEL` sets its level; default info. */
export function createLogger() {
  // Synchronous: the last words before a crash are the ones that matter.
  const stderr = pino.destination({ dest: 2, sync: true, maxLength: keptBytes });
  // A disk that is full, or a reader that has gone: without a listener each line would throw where it is logged, and end the worker.
  stderr.on("error", () => {});
  return pino(
    {
      name: "kgents-worker",
      level: process.env.LOG_LEVEL ?? "info",
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (level) => ({ level }) },
      // Names and messages of others stand in it: a line stays one line, and shows on a terminal as it is.
      hooks: { streamWrite: printableJson },
    },
    stderr,
  );
}

const levels = { TRACE: "trace", DEBUG: "debug", INFO: "info", WARN: "warn", ERROR: "error" } as const;

const prometheusAt = (bindAddress: string) => ({
  bindAddress,
  countersTotalSuffix: true,
  unitSuffix: true,
  // The SDK's own are named in milliseconds unless they are asked for in seconds, Prometheus' base unit.
  useSecondsForDurations: true,
  histogramBucketOverrides: { [runMetrics.phase.name]: phaseBuckets },
});

/**
 * Sets up Temporal's runtime for this process; once, and before anything connects.
 *
 * @param metricsAddress where to serve Prometheus metrics, such as `127.0.0.1:9464`
 * @returns what metrics are made with, where they are served
 */
export function installRuntime(log: Logger, metricsAddress: string | undefined): MetricMeter | undefined {
  const forward = (entry: LogEntry): void => {
    const level = levels[entry.level];
    // Core reports every unreachable poll; what a person needs of it is said once a state by the worker itself.
    log[level]({ ...entry.meta }, entry.message);
  };
  const { metricMeter } = Runtime.install({
    logger: new DefaultLogger(log.isLevelEnabled("debug") ? "DEBUG" : "INFO", forward),
    shutdownSignals: [],
    telemetryOptions: {
      logging: { forward: {}, filter: "WARN" },
      ...(metricsAddress === undefined ? {} : { metrics: { prometheus: prometheusAt(metricsAddress) } }),
    },
  });
  return metricsAddress === undefined ? undefined : metricMeter;
}
