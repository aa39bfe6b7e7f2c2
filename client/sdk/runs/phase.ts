import type { Client, WorkflowHandle } from "@temporalio/client";
import { type Phase, phaseQuery } from "#core/contract/names";

/** Deadline in milliseconds for a worker's answer. The worker may first have to replay the run's history. */
const answerMilliseconds = 3000;

/**
 * The phase of an open run; null if no worker answers. Without the deadline, Temporal would wait half a minute for one,
 * for example if all workers of the run's version are gone.
 */
export const phaseOf = (client: Client, handle: WorkflowHandle): Promise<Phase | null> =>
  client.withDeadline(Date.now() + answerMilliseconds, () => handle.query<Phase>(phaseQuery)).catch(() => null);
