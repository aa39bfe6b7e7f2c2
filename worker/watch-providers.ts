import type { CellProvider } from "#cells/provider";
import type { Logger } from "./logging.ts";
import type { WorkerMetrics } from "./worker-metrics.ts";

/** How often to check backends, in milliseconds. */
const roundMilliseconds = 30_000;

/** Checks the backends at intervals, so that metrics show an unavailable one before a run needs it. */
export function watchProviders(
  providers: readonly CellProvider[],
  metrics: WorkerMetrics,
  log: Logger,
): { stop: () => Promise<void> } {
  const look = async (provider: CellProvider): Promise<void> => {
    const { available, isolation } = await provider.status();
    metrics.available(provider.name, available);
    if (isolation) metrics.isolation(provider.name, isolation);
  };
  const round = (): Promise<unknown> =>
    Promise.all(
      providers.map((provider) =>
        look(provider).catch((error) => {
          metrics.available(provider.name, false);
          log.warn({ backend: provider.name, error: String(error) }, "a backend could not be checked");
        }),
      ),
    );
  let current: Promise<unknown> = Promise.resolve();
  let looking = false;
  const next = (): void => {
    // Skip this round while the previous one runs.
    if (looking) return;
    looking = true;
    current = round().finally(() => {
      looking = false;
    });
  };
  next();
  const timer = setInterval(next, roundMilliseconds);
  return {
    stop: async () => {
      clearInterval(timer);
      await current;
    },
  };
}
