import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, inject, it } from "vitest";
import { codeSessionWorkflow } from "#core/contract/session/names";
import { startTestWorker, type TestWorker } from "../support/test-worker.ts";

let worker: TestWorker;
beforeAll(async () => {
  worker = await startTestWorker(inject("temporalAddress"));
});
afterAll(() => worker[Symbol.asyncDispose]());

it("first", async () => {
  const handle = await worker.client.workflow.start(codeSessionWorkflow, {
    workflowId: `s-${randomUUID()}`, taskQueue: worker.taskQueue, args: [{ memory: "256Mi" }],
  });
  const call = async (name: string, argument: unknown) => {
    const t = performance.now();
    const r = await handle.executeUpdate(name, { args: [argument] }).catch((e) => ({ failed: String(e), cause: String((e as Error).cause), stack: (e as any).cause?.details }));
    console.log(name, Math.round(performance.now() - t), JSON.stringify(r).slice(0, 900));
    return r as any;
  };
  await call("run", { code: "x = 1" });
  await call("run", { code: "x + 1" });
  for (let i = 0; i < 5; i += 1) await call("run", { code: "print(1)" });
  await call("writeFiles", { files: [{ name: "a/b.txt", content: "hello" }] });
  await call("listFiles", {});
  await call("readFiles", { patterns: ["**/*.txt"] });
  await call("removeFiles", { names: ["a", "zz"] });
  await call("checkpoint", {});
  await call("run", { code: "import sys; print(sys.argv)", isolated: true, args: ["q"] });
  await call("run", { code: "1", args: ["q"] });
  await call("run", { coed: "1" });
  console.log(await handle.query("state"), await handle.query("calls"));
  await call("close", {});
  console.log(await handle.result());
  const { events } = await handle.fetchHistory();
  console.log(events?.length, JSON.stringify(events?.slice(0,60).map((e) => Object.keys(e).find((k) => k.endsWith("Attributes"))?.replace("EventAttributes",""))));
}, 60000);
