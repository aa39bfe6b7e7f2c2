import { mkdir, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { Connection } from "@temporalio/client";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, test } from "vitest";
import { stopProcess } from "#client/stack/background-process";
import { down, ensureStack, type StackOptions } from "#client/stack/stack";
import { stackStatus } from "#client/stack/stack-status";
import { identifyProcess, isRunning } from "#platform/host/process-identity";
import { localProcess } from "#platform/temporal/queue-state";
import { createTestStack, deadProcess, killNow, type TestStack } from "./support.ts";

const address = inject("temporalAddress");

// Another user's server on this machine. It is configured, so it is used as it is; the worker is ours.
let stack: TestStack;
let queue: string;
beforeEach(async () => {
  stack = await createTestStack("/nonexistent", { TEMPORAL_ADDRESS: address });
  queue = `stack-${crypto.randomUUID()}`;
});
afterEach(() => stack[Symbol.asyncDispose]());

const ensure = (options: StackOptions = {}) => ensureStack({ ...stack.options, taskQueue: queue, ...options });
const pids = async (): Promise<number[]> => (await stack.workerStarts()).map(({ pid }) => pid);

test("a worker is started with what it needs, and found again", async () => {
  expect(await ensure()).toEqual({
    ...{ address, namespace: "default", configured: true, managed: false, startedAt: null, uiUrl: null, worker: "own" },
    http: null,
  });
  await ensure();
  const [start, ...more] = await stack.workerStarts();
  expect(more).toEqual([]);
  const file = (name: string): string => join(stack.state, name);
  expect(start?.args).toEqual([
    ...["--identity-file", file("worker.json"), "--task-queue", queue, "--config", file("worker-config.yaml")],
  ]);
  expect(await readFile(file("worker-config.yaml"), "utf8")).toBe("{}");
  expect(start?.environment).toMatchObject({ TEMPORAL_ADDRESS: address, TEMPORAL_NAMESPACE: "default" });
  expect(start?.environment).not.toHaveProperty("KGENTS_TEMPORAL_CLI");
  expect((await stackStatus({ ...stack.options, taskQueue: queue })).worker).toMatchObject({
    ...{ running: true, pid: start?.pid, taskQueue: queue, activeRuns: 0, idle: true, outdated: [], pollers: [] },
  });
});

test("when all is up, a command waits for a few milliseconds", async () => {
  await ensure();
  const times: number[] = [];
  for (let round = 0; round < 20; round += 1) {
    const begun = performance.now();
    await ensure();
    times.push(performance.now() - begun);
  }
  expect(times.sort((a, b) => a - b)[10]).toBeLessThan(20);
});

describe("an idle worker is replaced when something changed", () => {
  const changed: [string, () => Promise<StackOptions>, string][] = [
    ["the configuration", async () => ({ configurationText: "{}\n# other" }), "the configuration"],
    ["PATH", async () => withVariables({ PATH: `${stack.options.environment.PATH}:/opt/other` }), "PATH"],
    ["KUBECONFIG", async () => withVariables({ KUBECONFIG: "/other" }), "the kubeconfig"],
    ["the kubeconfig's content", async () => touch(".kube/config"), "the kubeconfig"],
    ["the build", async () => touch("build/core/other.js"), "the build"],
    ["the task queue", async () => ({ taskQueue: `${queue}-other` }), "the task queue"],
  ];
  test.each(changed)("%s", async (_, change, words) => {
    await ensure();
    await ensure(await change());
    const [first, second, ...more] = await pids();
    expect(more).toEqual([]);
    expect(await isRunning({ pid: first ?? 0, startTime: "" })).toBe(false);
    expect(await isRunning({ pid: second ?? 0, startTime: "" })).toBe(true);
    expect(stack.said).toContain(`restarting the worker: ${words} changed`);
  });

  const unchanged: [string, () => Promise<StackOptions>][] = [
    [
      "npm's entries in PATH",
      async () => withVariables({ PATH: `/p/node_modules/.bin:${stack.options.environment.PATH}` }),
    ],
    ["variables that it does not get", async () => withVariables({ EDITOR: "ed", KGENTS_MCP_TOKEN: "secret" })],
    ["a file that is no program", async () => touch("build/notes.txt")],
  ];
  test.each(unchanged)("but not for %s", async (_, change) => {
    await ensure();
    await ensure(await change());
    expect(await pids()).toHaveLength(1);
  });
});

describe("a busy worker", () => {
  beforeEach(() => stack.behave("busy"));

  test("goes on as it was started, which is said", async () => {
    await ensure();
    await ensure({ configurationText: "{}\n# other" });
    expect(await pids()).toHaveLength(1);
    expect(stack.said.at(-1)).toMatch(
      /^the worker is busy, so it keeps its settings although the configuration changed/,
    );
    const { worker } = await stackStatus({ ...stack.options, taskQueue: queue, configurationText: "{}\n# other" });
    expect(worker).toMatchObject({ running: true, activeRuns: 2, idle: false, outdated: ["the configuration"] });
  });

  test("of another queue cannot serve this one", async () => {
    await ensure();
    await expect(ensure({ taskQueue: `${queue}-other` })).rejects.toMatchObject({
      code: "no-worker",
      message: `the worker in the background is busy with ${queue} at ${address}`,
    });
    expect(await pids()).toHaveLength(1);
  });

  test("that does not say how busy it is counts as busy", async () => {
    await ensure();
    await rm(join(stack.state, "worker-status.json"));
    await ensure({ configurationText: "{}\n# other" });
    expect(await pids()).toHaveLength(1);
  });
});

test("a worker that was killed is replaced", async () => {
  await ensure();
  const [first] = await pids();
  await killNow(first ?? 0);
  await ensure();
  expect(await pids()).toHaveLength(2);
});

test("a worker that does not start is reported with what it said", async () => {
  await stack.behave("fails");
  await expect(ensure()).rejects.toMatchObject({
    code: "stack-start",
    message: "the worker did not start: it exited (exit code 3)\ncannot do it",
    remedy: `Check ${join(stack.state, "worker.log")}.`,
  });
  await stack.behave("");
  await ensure();
  expect(await pids()).toHaveLength(2);
});

test("a program that is not there is reported, too", async () => {
  await expect(ensure({ workerEntry: "/nonexistent/worker/main.js" })).rejects.toMatchObject({
    code: "stack-start",
    message: "the worker's program does not exist: /nonexistent/worker/main.js",
  });
});

test("nothing is started where that is not wanted, or the server is on another machine", async () => {
  expect(await ensure({ start: false })).toMatchObject({ address, worker: "unknown" });
  expect(await ensure({ address: "192.0.2.1:7233" })).toMatchObject({ address: "192.0.2.1:7233", worker: "unknown" });
  expect(await pids()).toEqual([]);
});

test("a configured server that does not answer is said so", async () => {
  await expect(ensure({ address: "127.0.0.1:9" })).rejects.toMatchObject({ code: "temporal-unavailable" });
}, 20_000);

describe("who else polls the queue", () => {
  let connection: Connection;
  beforeAll(async () => {
    connection = await Connection.connect({ address });
  });
  afterAll(() => connection.close());

  const cases: [string, () => Promise<string>, "own" | "other"][] = [
    ["a worker of another machine serves it", async () => "1@elsewhere", "other"],
    ["a living process of this machine serves it", async () => `${process.pid}@${hostname()}`, "other"],
    ["a dead process of this machine does not", async () => `${await deadProcess()}@${hostname()}`, "own"],
  ];
  test.each(cases)("%s", async (_, identity, worker) => {
    const stop = new AbortController();
    const name = await identity();
    const request = { namespace: "default", taskQueue: { name: queue }, identity: name };
    const poll = connection
      .withAbortSignal(stop.signal, () =>
        connection.withDeadline(Date.now() + 60_000, () => connection.workflowService.pollWorkflowTaskQueue(request)),
      )
      .catch(() => {});
    await expect.poll(() => pollersSeen(connection)).toContain(name);
    expect((await ensure()).worker).toBe(worker);
    expect(await pids()).toHaveLength(worker === "own" ? 1 : 0);
    stop.abort();
    await poll;
  });
});

async function pollersSeen(connection: Connection): Promise<string[]> {
  const { pollers } = await connection.workflowService.describeTaskQueue({
    ...{ namespace: "default", taskQueue: { name: queue }, taskQueueType: 1 },
  });
  return (pollers ?? []).map(({ identity }) => identity ?? "");
}

test("the process that an identity names", () => {
  const host = hostname()
    .toLowerCase()
    .replaceAll(/[^a-z0-9-]/g, "-")
    .slice(0, 40);
  expect(localProcess(`kgents/store/${host}-0a1b2c3d-0/42`)).toBe(42);
  expect(localProcess("kgents/store/elsewhere-0a1b2c3d-0/42")).toBeUndefined();
  expect(localProcess(`42@${hostname()}`)).toBe(42);
  expect(localProcess("42@elsewhere")).toBeUndefined();
  expect(localProcess("anything")).toBeUndefined();
});

test("a process that does not want to end is ended by force", async () => {
  const { spawn } = await import("node:child_process");
  const child = spawn("sh", ["-c", "trap '' TERM; echo ready; while :; do sleep 1; done"], { stdio: "pipe" });
  await new Promise((resolve) => child.stdout.once("data", resolve));
  const identity = await identifyProcess(child.pid);
  expect(await stopProcess(identity, 100)).toBe("killed");
  expect(await stopProcess(identity, 100)).toBe("was not running");
});

test("down stops the worker, and only ours", async () => {
  await ensure();
  const [pid] = await pids();
  expect(await down(stack.options)).toEqual({ worker: "stopped", temporal: "was not running" });
  expect(await isRunning({ pid: pid ?? 0, startTime: "" })).toBe(false);
  // Its process id was reused for another process, which must be left alone.
  const identity = JSON.parse(await readFile(join(stack.state, "worker.json"), "utf8"));
  await writeFile(join(stack.state, "worker.json"), JSON.stringify({ ...identity, pid: process.pid }));
  expect(await down(stack.options)).toEqual({ worker: "was not running", temporal: "was not running" });
});

const withVariables = (variables: NodeJS.ProcessEnv): StackOptions => ({
  environment: { ...stack.options.environment, ...variables },
});

async function touch(name: string): Promise<StackOptions> {
  const path = join(stack.directory, name);
  await mkdir(join(path, ".."), { recursive: true });
  await writeFile(path, "changed");
  await utimes(path, new Date(), new Date());
  return {};
}
