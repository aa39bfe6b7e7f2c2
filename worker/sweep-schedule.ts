import {
  type Client,
  ScheduleAlreadyRunning,
  type ScheduleDescription,
  ScheduleOverlapPolicy,
} from "@temporalio/client";
import { sweepCellsWorkflow } from "#core/contract/names";
import type { Logger } from "./logging.ts";

/** How often cells without a live run are looked for, in milliseconds. */
const interval = 5 * 60_000;
/** What was missed while the server was away need not be made up for. */
const catchupWindow = 60_000;

/** The schedule's id; one for each task queue, since a queue's workers serve one cluster. */
export const sweepScheduleId = (taskQueue: string): string => `kgents-sweep-${taskQueue}`;

/** The schedule as this version has it. */
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

/** Whether a schedule that is there is the one of this version; whether it is paused is its operator's. */
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
 * Sees to it that the sweep is scheduled, as this version does it: a schedule that an earlier version, or a person, has made otherwise is
 * changed, and stays paused where it is. A worker that may not do that says so and works all the same.
 */
export async function ensureSweep(
  client: Client,
  taskQueue: string,
  log: Pick<Logger, "info" | "warn">,
): Promise<void> {
  const scheduleId = sweepScheduleId(taskQueue);
  try {
    await client.schedule.create({ scheduleId, ...scheduleOf(taskQueue) });
    log.info({ scheduleId, interval }, "scheduled the sweep of cells that no live run owns");
  } catch (error) {
    try {
      if (!(error instanceof ScheduleAlreadyRunning)) throw error;
      const handle = client.schedule.getHandle(scheduleId);
      if (isUpToDate(await handle.describe(), taskQueue)) return;
      await handle.update(({ state }) => ({ ...scheduleOf(taskQueue), state }));
      log.info({ scheduleId, interval }, "the schedule of the sweep was another one, and is changed");
    } catch (reason) {
      log.warn(
        { scheduleId, error: String(reason) },
        "the sweep could not be scheduled; cells of terminated runs stay until their Job's deadline",
      );
    }
  }
}
