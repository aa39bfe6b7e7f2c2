import type { Client, WorkflowHandle } from "@temporalio/client";
import { type Phase, phaseQuery } from "#core/contract/names";

/** How long a worker may take to answer: it may have to read the run's history first. */
const answerMilliseconds = 3000;

/**
 * Where an open run is; null where no worker answers. Left alone, Temporal waits half a minute for one, as where all that polled for the
 * run's version have gone.
 */
export const phaseOf = (client: Client, handle: WorkflowHandle): Promise<Phase | null> =>
  client.withDeadline(Date.now() + answerMilliseconds, () => handle.query<Phase>(phaseQuery)).catch(() => null);
