import type { MetricMeter } from "@temporalio/common";
import { DefaultLogger, type LogEntry, Runtime } from "@temporalio/worker";
import { phaseBuckets, runMetrics } from "#core/telemetry/metrics";
import type { Logger } from "#platform/host/logger";

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
