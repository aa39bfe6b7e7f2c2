import { randomUUID } from "node:crypto";
import { Client, Connection, ScheduleOverlapPolicy } from "@temporalio/client";
import { pino } from "pino";
import { expect, inject, it } from "vitest";
import { loadTemporalConfiguration } from "#platform/temporal/temporal-configuration";
import { ensureSweep, sweepScheduleId } from "#worker/sweep-schedule";

it("the schedule of the sweep is brought up to date, once, and stays paused where somebody has paused it", async () => {
  const { connectionOptions, namespace } = loadTemporalConfiguration();
  const connection = await Connection.connect({ ...connectionOptions, address: inject("temporalAddress") });
  try {
    const client = new Client({ connection, ...(namespace === undefined ? {} : { namespace }) });
    const taskQueue = `sweep-${randomUUID()}`;
    const scheduleId = sweepScheduleId(taskQueue);
    const handle = await client.schedule.create({
      scheduleId,
      spec: { intervals: [{ every: "1 day" }] },
      action: { type: "startWorkflow", workflowType: "sweepCells", taskQueue, args: [] },
      policies: { overlap: ScheduleOverlapPolicy.ALLOW_ALL, catchupWindow: "1 hour" },
    });
    await handle.pause("by a person");
    const said: string[] = [];
    const log = pino({ base: null }, { write: (line: string) => void said.push(JSON.parse(line).msg) });
    for (let start = 1; start <= 2; start += 1) await ensureSweep(client, taskQueue, log);
    const { spec, policies, state } = await handle.describe();
    expect(spec.intervals).toMatchObject([{ every: 300_000 }]);
    expect(policies).toMatchObject({ overlap: ScheduleOverlapPolicy.SKIP, catchupWindow: 60_000 });
    expect(state).toMatchObject({ paused: true, note: "by a person" });
    expect(said).toEqual(["updated the schedule of the sweep"]);
    await handle.delete();
  } finally {
    await connection.close();
  }
});
