import type { Backend } from "#cells/provider";
import type { Logger } from "./logging.ts";
import type { WorkerMetrics } from "./worker-metrics.ts";

/** How often backends are looked at. */
const roundMilliseconds = 30_000;

/** Looks at the backends from time to time, so that metrics show one that has gone away before a run meets it. */
export function watchBackends(
  backends: readonly Backend[],
  metrics: WorkerMetrics,
  log: Logger,
): { stop: () => Promise<void> } {
  const look = async (backend: Backend): Promise<void> => {
    const { available, isolation } = await backend.status();
    metrics.available(backend.name, available);
    if (isolation) metrics.isolation(backend.name, isolation);
  };
  const round = (): Promise<unknown> =>
    Promise.all(
      backends.map((backend) =>
        look(backend).catch((error) => {
          metrics.available(backend.name, false);
          log.warn({ backend: backend.name, error: String(error) }, "a backend could not be looked at");
        }),
      ),
    );
  let current: Promise<unknown> = Promise.resolve();
  let looking = false;
  const next = (): void => {
    // A backend that takes its time is not asked again meanwhile.
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
