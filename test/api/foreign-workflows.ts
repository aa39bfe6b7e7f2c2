/**
 * Workflows of another program that use the name of our workflow, with activities that use the names of ours.
 *
 * @module
 */
import { ApplicationFailure, CancellationScope, proxyActivities, sleep } from "@temporalio/workflow";

/** The other program's activities: `provision` returns its input; `execute` heartbeats it until it is cancelled. */
export interface ForeignActivities {
  readonly provision: (answer: unknown) => Promise<unknown>;
  readonly execute: (beat: unknown) => Promise<void>;
}

const { provision, execute } = proxyActivities<ForeignActivities>({
  startToCloseTimeout: "10m",
  heartbeatTimeout: "5m",
  retry: { maximumAttempts: 1 },
});

/** Returns the given answer, after the steps that `more` selects. */
export async function executeCode(
  _request: unknown,
  answer: unknown,
  more: { cell?: unknown; beat?: unknown; details?: unknown[]; stays?: true } = {},
): Promise<unknown> {
  // Ignores cancellation.
  if (more.stays) await CancellationScope.nonCancellable(() => sleep("1h"));
  if (more.beat !== undefined) await execute(more.beat);
  if (more.cell !== undefined) await provision(more.cell);
  if (more.cell !== undefined || more.details !== undefined) {
    throw ApplicationFailure.create({ type: "cell-start", message: "it failed", details: more.details ?? [] });
  }
  return answer;
}
