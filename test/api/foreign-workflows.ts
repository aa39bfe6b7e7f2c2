/**
 * Workflows of another program under the name of ours, and with activities under the names of ours.
 *
 * @module
 */
import { ApplicationFailure, CancellationScope, proxyActivities, sleep } from "@temporalio/workflow";

/** What the other program's activities do: `provision` answers with what it is given, `execute` beats it until it is cancelled. */
export interface ForeignActivities {
  readonly provision: (answer: unknown) => Promise<unknown>;
  readonly execute: (beat: unknown) => Promise<void>;
}

const { provision, execute } = proxyActivities<ForeignActivities>({
  startToCloseTimeout: "10m",
  heartbeatTimeout: "5m",
  retry: { maximumAttempts: 1 },
});

/** Ends with what it is given, or does something else that is told. */
export async function executeCode(
  _request: unknown,
  answer: unknown,
  more: { cell?: unknown; beat?: unknown; details?: unknown[]; stays?: true } = {},
): Promise<unknown> {
  // Whoever cancels it waits in vain.
  if (more.stays) await CancellationScope.nonCancellable(() => sleep("1h"));
  if (more.beat !== undefined) await execute(more.beat);
  if (more.cell !== undefined) await provision(more.cell);
  if (more.cell !== undefined || more.details !== undefined) {
    throw ApplicationFailure.create({ type: "cell-start", message: "it failed", details: more.details ?? [] });
  }
  return answer;
}
