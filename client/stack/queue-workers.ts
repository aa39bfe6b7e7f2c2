import type { TemporalTarget } from "#platform/temporal/address";
import type { QueueState } from "#platform/temporal/queue-state";
import type { StackContext } from "./stack-context.ts";

const queueMilliseconds = 5000;

/**
 * Asks the server who serves the queue. Rarely needed, and slow to load.
 *
 * @throws KgentsError `temporal-unavailable`
 */
export async function askForWorkers({ taskQueue }: StackContext, target: TemporalTarget): Promise<QueueState> {
  const { queueState } = await import("#platform/temporal/pollers");
  return queueState(target, taskQueue, queueMilliseconds);
}
