/** Every line of a worker's log about a run names the run and its requester. */
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { type AboutRun, type LogLine, linesAbout, linesOfLog } from "./log-lines.ts";
import { type MeasuredWorker, startMeasuredWorker } from "./metrics-worker.ts";

let worker: MeasuredWorker;
beforeAll(async () => {
  worker = await startMeasuredWorker(inject("temporalAddress"), { LOG_LEVEL: "debug" });
});
afterAll(() => worker[Symbol.asyncDispose]());

const lines = (): LogLine[] => linesOfLog(worker.process);

/** Starts a run with its own requester. */
async function start(request: object) {
  const requester = `agent:${randomUUID()}`;
  const workflowId = `logged-${randomUUID()}`;
  const { client, taskQueue } = worker;
  const args = [{ ...request, requester }];
  const handle = await client.workflow.start("executeCode", { workflowId, taskQueue, args });
  return { handle, about: { workflowId, runId: handle.firstExecutionRunId, requester } };
}

const linesOf = (about: AboutRun): LogLine[] => linesAbout(worker.process, about);

test("a run that ends in order, with one line at level info", async () => {
  const { handle, about } = await start({ code: "print(1)" });
  await handle.result();
  await expect.poll(() => linesOf(about).map(({ msg }) => msg)).toContain("the run is over");
  const told = linesOf(about).filter(({ level }) => level !== "debug");
  expect(told).toMatchObject([{ level: "info", status: "succeeded", exitCode: 0, language: "python" }]);
  // The SDK's own lines, of the workflow and of its activities.
  expect(linesOf(about).map(({ msg }) => msg)).toEqual(
    expect.arrayContaining(["Workflow started", "Activity started"]),
  );
  const activities = new Set(linesOf(about).map(({ activityType }) => activityType));
  expect([...activities]).toEqual(expect.arrayContaining(["provision", "execute", "cleanUp"]));
});

test("a run that cannot be carried out", async () => {
  const { handle, about } = await start({ code: "x", language: "klingon" });
  await expect(handle.result()).rejects.toThrow();
  await expect.poll(() => linesOf(about).map(({ msg }) => msg)).toContain("Workflow failed");
  expect(linesOf(about).map(({ msg }) => msg)).toContain("Activity failed");
});

test("a run that is ended from outside: the worker's own line", async () => {
  const { handle, about } = await start({ code: "sleep 60", language: "sh" });
  const phase = () => handle.query("phase");
  await expect.poll(phase).toBe("executing");
  await handle.terminate();
  await expect.poll(() => linesOf(about).map(({ msg }) => msg)).toContain("removed the cell of a run that has ended");
});

test("a run without a requester says so", async () => {
  const { client, taskQueue } = worker;
  const workflowId = `anonymous-${randomUUID()}`;
  await client.workflow.execute("executeCode", { workflowId, taskQueue, args: [{ code: "print(1)" }] });
  await expect
    .poll(() => lines().find((line) => line.workflowId === workflowId && line.msg === "the run is over"))
    .toMatchObject({ requester: "unknown" });
});
