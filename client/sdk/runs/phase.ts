import { type Phase, phaseQuery } from "#core/contract/names";
import type { RunReference, RunService } from "../temporal/run-service.ts";

/** Deadline in milliseconds for a worker's answer. The worker may first have to replay the run's history. */
const answerMilliseconds = 3000;

/**
 * The phase of an open run; null if no worker answers. Without the deadline, Temporal would wait half a minute for one,
 * for example if all workers of the run's version are gone.
 */
export const phaseOf = (service: RunService, run: RunReference): Promise<Phase | null> =>
  service
    .query(run, phaseQuery, answerMilliseconds)
    .then((phase) => phase as Phase)
    .catch(() => null);
