/** Worker Versioning: a rolling upgrade under load, as in docs/fleet.md. */
import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { Client, Connection } from "@temporalio/client";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import type { ExecutionHandle } from "#client/sdk/execution-handle";
import { Quartermaster } from "#client/sdk/quartermaster";
import { startExecution } from "#client/sdk/start-execution";
import { grpcRuns } from "#client/sdk/temporal/grpc-runs";
import { sweepCellsWorkflow } from "#core/contract/names";
import { createCommandLine } from "../support/command-line.ts";
import { setCurrentVersion, temporal, versionOf } from "../support/deployments.ts";
import { replayAll } from "../support/test-worker.ts";
import { startWorkerProcess } from "../support/worker-process.ts";

const address = inject("temporalAddress");
let connection: Connection;
let client: Client;
let directory: string;
beforeAll(async () => {
  connection = await Connection.connect({ address });
  client = new Client({ connection });
  directory = await mkdtemp(join(tmpdir(), "kgents-fleet-"));
});
afterAll(async () => {
  await connection.close();
  await rm(directory, { recursive: true, force: true });
});

const worker = (taskQueue: string, deployment: string, buildId: string, flags: string[] = []) =>
  startWorkerProcess(address, taskQueue, join(directory, `${deployment}-${buildId}`), {
    flags: ["--backends", "subprocess", "--deployment", deployment, "--build-id", buildId, ...flags],
  });

test("under a steady stream every run succeeds exactly once, and new runs go to the new version", async () => {
  const taskQueue = `fleet-${randomUUID()}`;
  const deployment = `upgrade-${randomUUID()}`;
  // Fewer places than runs: some runs wait while the version changes.
  const first = await worker(taskQueue, deployment, "1", ["--maximum-cells", "4", "--drain", "60s"]);
  await expect.poll(() => first.log()).toContain("this version is not the current version");
  await setCurrentVersion(deployment, "1");

  const handles: ExecutionHandle[] = [];
  let streaming = true;
  const stream = (async () => {
    for (let number = 1; streaming; number += 1) {
      const request = { code: `echo started ${number}; sleep 1; echo ended ${number}`, language: "sh" } as const;
      handles.push(
        await startExecution(grpcRuns(client), taskQueue, undefined, request, { id: `${deployment}-${number}` }),
      );
      await wait(250);
    }
  })();
  await expect.poll(() => handles.length).toBeGreaterThan(15);
  const second = await worker(taskQueue, deployment, "2", ["--maximum-cells", "8"]);
  await setCurrentVersion(deployment, "2");
  const afterSwitch = handles.length;
  const firstEnded = first.end("SIGTERM");
  await expect.poll(() => handles.length).toBeGreaterThan(afterSwitch + 15);
  expect(await firstEnded).toBe(0);
  const afterDrain = handles.length;
  await expect.poll(() => handles.length).toBeGreaterThan(afterDrain + 5);
  streaming = false;
  await stream;

  const results = await Promise.all(handles.map((handle) => handle.result()));
  const seen = results.map(({ status, attempts, stdout }) => ({ status, attempts, text: stdout.text }));
  expect(seen).toEqual(
    handles.map((_, index) => ({
      ...{ status: "succeeded", attempts: 1 },
      text: `started ${index + 1}\nended ${index + 1}\n`,
    })),
  );
  const versions = await Promise.all(handles.map(({ id }) => versionOf(client, id)));
  const switched = versions.indexOf("2");
  // The queue's partitions learn of the new current version one by one.
  expect(new Set(versions.slice(0, switched))).toEqual(new Set(["1"]));
  expect(new Set(versions.slice(afterSwitch + 4))).toEqual(new Set(["2"]));
  expect(first.log()).toContain("waiting for the runs of this version to end");
  await second.end("SIGTERM");
  expect(await replayAll(client, taskQueue)).toBe(handles.length);
}, 180_000);

test("a worker with a version is ready when the server counts all its queues to the version", async () => {
  const taskQueue = `fleet-${randomUUID()}`;
  // At once, since a server that has little to do is quick.
  const counted = ["1", "2", "3", "4"].map(async (buildId) => {
    const deployment = `ready-${randomUUID()}`;
    const started = await worker(taskQueue, deployment, buildId);
    const described = await temporal(
      ...["worker", "deployment", "describe-version", "--output", "json"],
      ...["--deployment-name", deployment, "--build-id", buildId],
    );
    await started.end("SIGTERM");
    const { taskQueuesInfos }: { taskQueuesInfos: { name: string; type: string }[] } = JSON.parse(described);
    return taskQueuesInfos.map(({ name, type }) => `${name} ${type}`).sort();
  });
  for (const queues of await Promise.all(counted)) {
    expect(queues).toEqual([
      `${taskQueue} activity`,
      `${taskQueue} workflow`,
      `${taskQueue}-waiting activity`,
      `${taskQueue}-waiting-cluster activity`,
    ]);
  }
});

test("code that outlasts the drain of an old version is ended, and its run with it", async () => {
  // The name of a queue may have quotes.
  const taskQueue = `fleet's-${randomUUID()}`;
  const deployment = `outlasts-${randomUUID()}`;
  const first = await worker(taskQueue, deployment, "1", ["--drain", "2s"]);
  await setCurrentVersion(deployment, "1");
  const request = { code: "echo begun; sleep 300", language: "sh", timeout: 400, live: "heartbeat" } as const;
  const handle = await startExecution(grpcRuns(client), taskQueue, undefined, request, {});
  for await (const event of handle.output()) if (event.type === "output") break;
  const second = await worker(taskQueue, deployment, "2");
  await setCurrentVersion(deployment, "2");
  expect(await first.end("SIGTERM")).toBe(0);
  expect(await handle.result()).toMatchObject({ status: "lost", attempts: 1, stdout: { text: "begun\n" } });
  expect(await versionOf(client, handle.id)).toBe("1");
  expect(first.log()).toContain("waiting for the runs of this version to end");
  await second.end("SIGTERM");
});

test("the first version takes over from workers without one", async () => {
  const taskQueue = `fleet-${randomUUID()}`;
  const deployment = `first-${randomUUID()}`;
  const before = await startWorkerProcess(address, taskQueue, join(directory, `${deployment}-none`), {
    flags: ["--backends", "subprocess"],
  });
  const request = { code: "echo begun; sleep 6; echo ended", language: "sh", live: "heartbeat" } as const;
  const handle = await startExecution(grpcRuns(client), taskQueue, undefined, request, {});
  for await (const event of handle.output()) if (event.type === "output") break;
  const first = await worker(taskQueue, deployment, "1");
  await setCurrentVersion(deployment, "1");
  expect(await before.end("SIGTERM")).toBe(0);
  expect(await handle.result()).toMatchObject({ status: "succeeded", attempts: 1, stdout: { text: "begun\nended\n" } });
  const next = await startExecution(grpcRuns(client), taskQueue, undefined, { code: "print(1)" }, {});
  expect((await next.result()).status).toBe("succeeded");
  expect(await versionOf(client, next.id)).toBe("1");
  await first.end("SIGTERM");
});

test("a run whose version has died can be moved to the current one", async () => {
  const taskQueue = `fleet-${randomUUID()}`;
  const deployment = `died-${randomUUID()}`;
  const first = await worker(taskQueue, deployment, "1");
  await setCurrentVersion(deployment, "1");
  const request = { code: "echo begun; sleep 300", language: "sh", timeout: 400, live: "heartbeat" } as const;
  const handle = await startExecution(grpcRuns(client), taskQueue, undefined, request, {});
  for await (const event of handle.output()) if (event.type === "output") break;
  await first.end("SIGKILL");
  const second = await worker(taskQueue, deployment, "2");
  await setCurrentVersion(deployment, "2");
  await temporal(
    "workflow",
    "update-options",
    "--workflow-id",
    handle.id,
    "--versioning-override-behavior",
    "auto_upgrade",
  );
  expect(await handle.result()).toMatchObject({ status: "lost", attempts: 1 });
  await second.end("SIGTERM");
}, 120_000);

test("what outlives a run moves on to the new version; a run stays", async () => {
  const taskQueue = `fleet-${randomUUID()}`;
  const deployment = `behaviour-${randomUUID()}`;
  const only = await worker(taskQueue, deployment, "1");
  await setCurrentVersion(deployment, "1");
  const sweep = await client.workflow.start(sweepCellsWorkflow, { taskQueue, workflowId: `${deployment}-sweep` });
  await sweep.result();
  const run = await startExecution(grpcRuns(client), taskQueue, undefined, { code: "print(1)" }, {});
  expect((await run.result()).status).toBe("succeeded");
  const behaviour = async (id: string) =>
    (await client.workflow.getHandle(id).describe()).raw.workflowExecutionInfo?.versioningInfo?.behavior;
  // VERSIONING_BEHAVIOR_PINNED and VERSIONING_BEHAVIOR_AUTO_UPGRADE.
  expect([await behaviour(run.id), await behaviour(sweep.workflowId)]).toEqual([1, 2]);
  await only.end("SIGTERM");
});

test("where no version is the current one, a run is refused and told what to do", async () => {
  const taskQueue = `fleet-${randomUUID()}`;
  const passive = await worker(taskQueue, "passive", "2026.11");
  const started = new Quartermaster({ address, taskQueue, startLocalStack: false }).start({ code: "1" });
  await expect(started).rejects.toMatchObject({
    code: "no-worker",
    message: expect.stringContaining("passive:2026.11"),
    remedy: expect.stringContaining("set-current-version"),
  });
  await passive.end("SIGTERM");
});

test.each([
  [["--deployment", "pool"], "--build-id: got nothing, but --deployment pool"],
  [["--build-id", "7"], "--deployment: got nothing, but --build-id 7"],
  [["--deployment", "a.b", "--build-id", "7"], "Allowed are 1 to 100 letters, digits, _ and -"],
  [["--deployment", "pool", "--build-id", "a b"], "Allowed are 1 to 128 letters, digits and . _ + -"],
])("%j is refused", async (flags, words) => {
  await using terminal = await createCommandLine({ environment: { TEMPORAL_ADDRESS: address } });
  const { code, stderr } = await terminal.run(["worker", ...flags]);
  expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining(words) });
});
