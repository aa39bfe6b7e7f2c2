import type { MetricMeter } from "@temporalio/common";
import { DefaultLogger, type LogEntry, Runtime } from "@temporalio/worker";
import { pino } from "pino";
import { phaseBuckets, runMetrics } from "#core/telemetry/metrics";
import { printableJson } from "#core/text/printable-json";

/** The worker's log: one JSON line an event. */
export type Logger = ReturnType<typeof createLogger>;

/** Limit in bytes for buffered log lines that cannot be written. More are dropped. */
const keptBytes = 2 ** 20;

/** Creates the log on stderr. `LOG_LEVEL` sets its level. @default info */
export function createLogger() {
  // Synchronous, so that the last lines before a crash are written.
  const stderr = pino.destination({ dest: 2, sync: true, maxLength: keptBytes });
  // Without a listener, a full disk or a closed reader would make each log call throw and end the worker.
  stderr.on("error", () => {});
  return pino(
    {
      name: "kgents-worker",
      level: process.env.LOG_LEVEL ?? "info",
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (level) => ({ level }) },
      // Values may contain names and messages of others. Escape them, so that a line stays one line and is safe on a
      // terminal.
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
  // The SDK names its own metrics in milliseconds by default. Prometheus' base unit is seconds.
  useSecondsForDurations: true,
  histogramBucketOverrides: { [runMetrics.phase.name]: phaseBuckets },
});

/**
 * Installs Temporal's runtime for this process, once and before any connection.
 *
 * @param metricsAddress where to serve Prometheus metrics, such as `127.0.0.1:9464`
 * @returns the meter for metrics, if they are served
 */
export function installRuntime(log: Logger, metricsAddress: string | undefined): MetricMeter | undefined {
  const forward = (entry: LogEntry): void => {
    const level = levels[entry.level];
    // Core logs every failed poll. The worker itself logs what users need, once for each change.
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
