/** A run that is reset, in the Temporal UI or by its API. */
import { randomUUID } from "node:crypto";
import { expect, inject, it } from "vitest";
import type { ExecutionHandle } from "#client/sdk/execution-handle";
import { readStreamRange } from "#client/sdk/output/read-range";
import type { ExecutionResult } from "#core/contract/result";
import { askTemporal } from "#worker/ask-temporal";
import { outcome, scriptedProvider } from "../support/scripted-provider.ts";
import { startTestWorker, type TestWorker } from "../support/test-worker.ts";

const address = inject("temporalAddress");

/** Resets a run to the given workflow task. Returns the id of the new execution. */
async function reset({ client }: TestWorker, { id, runId }: ExecutionHandle, task: number): Promise<string> {
  const { namespace } = client.options;
  const { events } = await client.workflow.getHandle(id, runId).fetchHistory();
  const completed = (events ?? []).filter((event) => event.workflowTaskCompletedEventAttributes);
  const { runId: newRunId } = await client.workflowService.resetWorkflowExecution({
    namespace,
    workflowExecution: { workflowId: id, runId },
    reason: "a test",
    requestId: randomUUID(),
    workflowTaskFinishEventId: completed[task]?.eventId ?? null,
  });
  return newRunId;
}

it("code is not started again where a run is reset to its beginning: `lost`, with the output of the first start", async () => {
  const backend = scriptedProvider("subprocess", {
    reach: "host",
    run: async (_program, context) => {
      context.started();
      await new Promise((resolve) => context.stdout.write("once\n", resolve));
      return outcome();
    },
  });
  await using worker = await startTestWorker(address, { providers: { subprocess: backend } });
  const handle = await worker.start({ code: "x", retry: { maximumAttempts: 3 } });
  expect(await handle.result()).toMatchObject({ status: "succeeded" });
  const runId = await reset(worker, handle, 0);
  const result: ExecutionResult = await worker.client.workflow.getHandle(handle.id, runId).result();
  expect(result).toMatchObject({ status: "lost", attempts: 1, runId, stdout: { text: "once\n" } });
  expect(result.reason).toContain("the run was reset");
  expect(backend.calls).toEqual(["acquire", "run", "remove"]);
  // It is read from where the first execution has stored it.
  const { bytes } = await readStreamRange(handle, worker.store, "stdout", { offset: 0, length: 100 });
  expect(Buffer.from(bytes).toString()).toBe("once\n");
});

it("a run that is reset while its code runs follows the same cell to its end", async () => {
  const { promise: ended, resolve: end } = Promise.withResolvers<void>();
  const backend = scriptedProvider("subprocess", {
    reach: "host",
    run: async (_program, context) => {
      context.started();
      await new Promise((resolve) => context.stdout.write("once\n", resolve));
      await ended;
      return outcome();
    },
  });
  await using worker = await startTestWorker(address, { providers: { subprocess: backend } });
  const handle = await worker.start({ code: "x" });
  await expect.poll(() => backend.calls.includes("run")).toBe(true);
  const runId = await reset(worker, handle, 1);
  // A query for the cell's owner reports the run as open.
  expect(await askTemporal(worker.client)(handle.id, handle.runId)).toEqual({ open: true });
  end();
  const result: ExecutionResult = await worker.client.workflow.getHandle(handle.id, runId).result();
  expect(result).toMatchObject({ status: "succeeded", attempts: 1, stdout: { text: "once\n" } });
  expect(backend.calls).toEqual(["acquire", "run", "remove"]);
  expect(await askTemporal(worker.client)(handle.id, handle.runId)).toMatchObject({ open: false });
});
