import type { CellProvider } from "#cells/provider";
import type { Logger } from "#platform/host/logger";
import { type Rounds, startRounds } from "./rounds.ts";
import type { WorkerMetrics } from "./worker-metrics.ts";

/** How often to check backends, in milliseconds. */
const roundMilliseconds = 30_000;

/** Checks the backends at intervals, so that metrics show an unavailable one before a run needs it. */
export function watchProviders(providers: readonly CellProvider[], metrics: WorkerMetrics, log: Logger): Rounds {
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
  return startRounds(round, roundMilliseconds, { atOnce: true });
}
