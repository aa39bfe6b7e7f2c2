/** A session whose cell is a pod: any worker goes on with it, and a pod that is gone is never silently a new one. */
import { afterAll, beforeAll, expect, test } from "vitest";
import type { CodeSession } from "#client/sdk/sessions/code-session";
import { openCodeSession } from "#client/sdk/sessions/open-session";
import type { WorkerProcess } from "../support/worker-process.ts";
import { kubectl } from "./support.ts";
import { type WorkerScene, workerScene } from "./worker-scene.ts";

let scene: WorkerScene;
let worker: WorkerProcess;
let session: CodeSession;
beforeAll(async () => {
  scene = await workerScene();
  worker = await scene.startWorker();
  session = openCodeSession(scene.client, scene.taskQueue, scene.store, { memory: "256Mi" }, {});
});
afterAll(() => scene[Symbol.asyncDispose]());

test("names and files stay, an interrupt reaches the pod", async () => {
  expect(await session.run("x = 20")).toMatchObject({ status: "succeeded", kernel: "new", restored: null });
  const next = await session.run("print(x); x + 1");
  expect(next).toMatchObject({
    kernel: "same",
    stdout: { text: "20\n" },
    displays: [{ "text/plain": { data: "21" } }],
  });
  await session.files.write([{ name: "a.txt", content: "kept" }]);
  const running = session.run({ code: "import time; time.sleep(100)", timeout: 200 });
  await expect.poll(() => session.interrupt()).toBe(true);
  expect(await running).toMatchObject({ status: "interrupted" });
  expect(await session.run("x")).toMatchObject({ kernel: "same", restored: null });
});

test("a worker that is killed within a call: another one follows it to its end, and the names stay", async () => {
  const running = session.run({ code: "import time; time.sleep(15); x += 1; print('ended')", timeout: 100 });
  await expect.poll(async () => (await session.state()).running?.title).toContain("sleep(15)");
  await worker.end("SIGKILL");
  worker = await scene.startWorker();
  expect(await running).toMatchObject({ status: "succeeded", kernel: "same", stdout: { text: "ended\n" } });
  expect(await session.run("print(x)")).toMatchObject({ kernel: "same", restored: null, stdout: { text: "21\n" } });
});

test("a pod that is deleted between calls: the next one says that it is in another, with the files", async () => {
  await session.checkpoint();
  await kubectl(["--namespace", scene.namespace.name, "delete", "pods", "--all", "--wait=true", "--grace-period=1"]);
  const code = "import os; print(os.path.exists('a.txt'), 'x' in globals())";
  const next = await session.run(code);
  expect(next).toMatchObject({ status: "succeeded", kernel: "new", stdout: { text: "True False\n" } });
  expect(next.restored).toMatchObject({ kernel: "new", checkpoint: { bytes: expect.any(Number) } });
  expect(await session.run("1")).toMatchObject({ kernel: "same", restored: null });
});

test("an end leaves nothing", async () => {
  expect(await session.close()).toMatchObject({ reason: "closed" });
  await expect.poll(() => scene.namespace.left()).toEqual([]);
});
