import { type Client, ScheduleAlreadyRunning, ScheduleOverlapPolicy } from "@temporalio/client";
import { sweepCellsWorkflow } from "../core/names.ts";
import { callMilliseconds } from "./connect.ts";
import type { Logger } from "./logging.ts";

/** How often cells without a live run are looked for. */
const interval = "5 minutes";

/** The schedule's id; one for each task queue, since a queue's workers serve one cluster. */
export const sweepScheduleId = (taskQueue: string): string => `kgents-sweep-${taskQueue}`;

/** Sees to it that the sweep is scheduled. A worker that may not do that says so and works all the same. */
export async function ensureSweep(
  client: Client,
  taskQueue: string,
  log: Pick<Logger, "info" | "warn">,
): Promise<void> {
  const scheduleId = sweepScheduleId(taskQueue);
  try {
    await client.withDeadline(Date.now() + callMilliseconds, () =>
      client.schedule.create({
        scheduleId,
        spec: { intervals: [{ every: interval }] },
        action: {
          type: "startWorkflow",
          workflowType: sweepCellsWorkflow,
          workflowId: scheduleId,
          taskQueue,
          args: [],
        },
        // What was missed while the server was away need not be made up for.
        policies: { overlap: ScheduleOverlapPolicy.SKIP, catchupWindow: "1 minute" },
      }),
    );
    log.info({ scheduleId, interval }, "scheduled the sweep of cells that no live run owns");
  } catch (error) {
    if (error instanceof ScheduleAlreadyRunning) return;
    log.warn(
      { scheduleId, error: String(error) },
      "the sweep could not be scheduled; cells of terminated runs stay until their Job's deadline",
    );
  }
}
