/** The order of waiting runs when all places are taken, and the report that a run waits. */
import { expect, inject, test } from "vitest";
import { outcome, scriptedProvider } from "../support/scripted-provider.ts";
import { startTestWorker } from "../support/test-worker.ts";

const address = inject("temporalAddress");

/** A worker with one place, which stays taken until it is released, and the order in which runs got it. */
async function onePlace() {
  const order: string[] = [];
  const gate = Promise.withResolvers<void>();
  const backend = scriptedProvider("subprocess", {
    reach: "host",
    maximumCells: 1,
    acquire: ({ shape }) => void order.push(shape.labels.name ?? ""),
    run: async () => {
      await gate.promise;
      return outcome();
    },
  });
  const worker = await startTestWorker(address, {
    providers: { subprocess: backend },
  });
  const start = (name: string, requester: string, priority?: number) =>
    worker.start({ code: name, labels: { name }, requester }, { priority });
  return { worker, order, open: () => gate.resolve(), start };
}

test("those of priority 1 are taken first, and then each requester by turns", async () => {
  const { worker, order, open, start } = await onePlace();
  await using _ = worker;
  const first = await start("first", "many");
  await expect.poll(() => order).toEqual(["first"]);
  const crowd = [];
  for (let number = 0; number < 20; number += 1) crowd.push(await start(`many-${number}`, "many"));
  for (let number = 0; number < 4; number += 1) crowd.push(await start(`few-${number}`, "few"));
  for (let number = 0; number < 3; number += 1) crowd.push(await start(`urgent-${number}`, "many", 1));
  for (let number = 0; number < 2; number += 1) crowd.push(await start(`idle-${number}`, "nobody", 5));
  for (const handle of crowd) await expect.poll(async () => (await handle.describe()).waiting).not.toBeNull();
  open();
  await Promise.all([first, ...crowd].map((handle) => handle.result()));

  const ranks = (name: string) => order.flatMap((who, rank) => (who.startsWith(name) ? [rank] : []));
  // The first run, and at most three that the worker had taken from the queue before the others arrived.
  const taken = 4;
  expect(Math.max(...ranks("urgent"))).toBeLessThan(taken + 3);
  // Five runs that arrived after twenty: in order of arrival they would be last.
  expect(Math.max(...ranks("few"))).toBeLessThan(taken + 3 + 2 * 4 + 1);
  expect(ranks("idle")).toEqual([order.length - 2, order.length - 1]);
});

test.each([0, 6, 1.5])("priority %d is refused", async (priority) => {
  const { worker } = await onePlace();
  await using _ = worker;
  await expect(worker.start({ code: "1" }, { priority })).rejects.toMatchObject({
    code: "invalid-request",
    field: "priority",
    message: `priority: got ${priority}; allowed is a whole number from 1 (first) to 5 (last)`,
  });
});

test("requesters are told apart however long their names are", async () => {
  const { worker, open, start } = await onePlace();
  await using _ = worker;
  const name = "x".repeat(100);
  const handles = [await start("one", `${name}1`), await start("two", `${name}2`)];
  const keys = await Promise.all(
    handles.map(async ({ id }) => {
      const { raw } = await worker.client.workflow.getHandle(id).describe();
      return raw.workflowExecutionInfo?.priority?.fairnessKey ?? "";
    }),
  );
  expect(new Set(keys).size).toBe(2);
  for (const key of keys) expect(key).toMatch(/^x{47}#[0-9a-f]{16}$/);
  open();
  await Promise.all(handles.map((handle) => handle.result()));
});
