import {
  type Client,
  ScheduleAlreadyRunning,
  type ScheduleDescription,
  ScheduleOverlapPolicy,
} from "@temporalio/client";
import { sweepCellsWorkflow } from "#core/contract/names";
import type { Logger } from "#platform/host/logger";

/** How often to look for cells without a live run, in milliseconds. */
const interval = 5 * 60_000;
/** Rounds missed while the server was unavailable are not made up for. */
const catchupWindow = 60_000;

/** The schedule's id. There is one for each task queue, because a queue's workers serve one cluster. */
export const sweepScheduleId = (taskQueue: string): string => `kgents-sweep-${taskQueue}`;

/** The schedule that this version creates. */
const scheduleOf = (taskQueue: string) => ({
  spec: { intervals: [{ every: interval }] },
  action: {
    type: "startWorkflow" as const,
    workflowType: sweepCellsWorkflow,
    workflowId: sweepScheduleId(taskQueue),
    taskQueue,
    args: [],
  },
  policies: { overlap: ScheduleOverlapPolicy.SKIP, catchupWindow },
});

/** Whether an existing schedule matches this version. Its paused state is the operator's choice. */
function isUpToDate({ spec, action, policies }: ScheduleDescription, taskQueue: string): boolean {
  const wanted = scheduleOf(taskQueue);
  const [first, ...more] = spec.intervals ?? [];
  const isSpec = first?.every === interval && !first.offset && more.length === 0 && !spec.calendars?.length;
  return (
    isSpec &&
    action.type === "startWorkflow" &&
    action.workflowType === wanted.action.workflowType &&
    action.taskQueue === taskQueue &&
    policies.overlap === wanted.policies.overlap &&
    policies.catchupWindow === catchupWindow
  );
}

/**
 * Ensures that the sweep is scheduled as in this version. A schedule that differs is updated and keeps its paused
 * state. A worker without the right to do so logs a warning and continues.
 */
export async function ensureSweep(
  client: Client,
  taskQueue: string,
  log: Pick<Logger, "info" | "warn">,
): Promise<void> {
  const scheduleId = sweepScheduleId(taskQueue);
  try {
    await client.schedule.create({ scheduleId, ...scheduleOf(taskQueue) });
    log.info({ scheduleId, interval }, "scheduled the sweep of cells that no open run owns");
  } catch (error) {
    try {
      if (!(error instanceof ScheduleAlreadyRunning)) throw error;
      const handle = client.schedule.getHandle(scheduleId);
      if (isUpToDate(await handle.describe(), taskQueue)) return;
      await handle.update(({ state }) => ({ ...scheduleOf(taskQueue), state }));
      log.info({ scheduleId, interval }, "updated the schedule of the sweep");
    } catch (reason) {
      log.warn(
        { scheduleId, error: String(reason) },
        "the sweep could not be scheduled; cells of terminated runs stay until their Job's deadline",
      );
    }
  }
}
