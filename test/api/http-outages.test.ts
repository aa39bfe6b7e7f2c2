/** What a client by HTTP does if the server, or its HTTP API, is not there. */
import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, request, type Server } from "node:http";
import { type AddressInfo, createServer as createTcpServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { Client, Connection } from "@temporalio/client";
import { afterAll, beforeAll, expect, inject, it } from "vitest";
import { awaitResult } from "#client/sdk/execution-handle";
import { type OpenRuns, openRuns } from "#client/sdk/temporal/open-runs";
import { problemOf } from "#client/sdk/temporal/problem";
import type { RunStart } from "#client/sdk/temporal/run-service";
import { resolveTarget } from "#platform/temporal/address";
import { HttpApiStatus, HttpApiUnreachable, type HttpDoor, openHttpApi } from "#platform/temporal/http-api";
import { type DevServer, freePort, startDevServer } from "../support/dev-server.ts";
import { answerNext, commandType, payloadsOf } from "./by-hand.ts";

let directory: string;
let port: number;
let server: DevServer;

const restart = async (): Promise<void> => {
  server = await startDevServer(inject("temporalBinary"), join(directory, "temporal.db"), { port });
};
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "kgents-outages-"));
  port = await freePort();
  await restart();
});
afterAll(async () => {
  await server.stop();
  await rm(directory, { recursive: true, force: true });
});

const open = (http: HttpDoor = server.http): Promise<OpenRuns> =>
  openRuns(resolveTarget({ HOME: directory }, { port }), { http, tracing: undefined });

const start = (): RunStart => ({
  workflowType: "by-hand",
  workflowId: `hand-${randomUUID()}`,
  taskQueue: `queue-${randomUUID()}`,
  input: 1,
  memo: {},
  priority: {},
  summary: "by hand",
});

/** Ends a run with the result `done`. */
async function finish(taskQueue: string): Promise<void> {
  const connection = await Connection.connect({ address: server.address });
  const result = { result: payloadsOf("done") };
  await answerNext(new Client({ connection }), taskQueue, [
    { commandType: commandType.complete, completeWorkflowExecutionCommandAttributes: result },
  ]);
  await connection.close();
}

/** Passes calls on to the server's HTTP API, and cuts the connection instead of the answer to a start. */
async function cuttingProxy(): Promise<{ door: HttpDoor; starts: () => number; server: Server }> {
  let starts = 0;
  const [hostname, target] = server.http.address.split(":");
  const proxy = createServer((incoming, outgoing) => {
    const { method, url: path, headers } = incoming;
    const onward = request({ hostname, port: target, method, path, headers }, (answer) => {
      if (method !== "POST") return void answer.pipe(outgoing.writeHead(answer.statusCode ?? 500));
      starts += 1;
      answer.resume().once("end", () => incoming.socket.destroy());
    });
    incoming.pipe(onward);
  });
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  const address = `127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  return { door: { address, host: server.http.host }, starts: () => starts, server: proxy };
}

it("a start whose answer is lost starts one run, which is no stranger's", async () => {
  const proxy = await cuttingProxy();
  const { runs, close } = await open(proxy.door);
  const run = start();
  const { runId } = await runs.start(run);
  expect(await runs.describe(run)).toMatchObject({ runId, firstRunId: runId, status: "RUNNING" });
  expect(proxy.starts()).toBe(1);
  expect(await runs.start(run).catch(problemOf)).toEqual({ kind: "already-started" });
  await close();
  proxy.server.close();
});

it("a wait survives a restart of the server, whose HTTP API is then elsewhere", async () => {
  const { runs, close } = await open();
  const run = start();
  await runs.start(run);
  const result = awaitResult(runs, run, (value) => value);
  await wait(200);
  await server.kill();
  await wait(500);
  await restart();
  await finish(run.taskQueue);
  expect(await result).toBe("done");
  await close();
});

it("a wait outlasts the server's own limit of a long poll", { timeout: 90_000 }, async () => {
  const { runs, close } = await open();
  const run = start();
  await runs.start(run);
  const result = runs.result(run);
  await wait(22_000);
  await finish(run.taskQueue);
  expect(await result).toBe("done");
  await close();
});

it("a wait ends when the client is closed, and nothing is opened anew", async () => {
  const { runs, close } = await open();
  const run = start();
  await runs.start(run);
  const result = awaitResult(runs, run, (value) => value);
  await wait(100);
  await close();
  await expect(result).rejects.toMatchObject({
    code: "temporal-unavailable",
    message: expect.stringContaining("closed"),
  });
  await expect(runs.describe(run)).rejects.toSatisfy((error) => problemOf(error)?.kind === "closed");
});

it("without an answer by HTTP, gRPC is used from the start", async () => {
  const silent = createTcpServer((socket) => socket.destroy());
  await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
  const { port: other } = silent.address() as AddressInfo;
  const doors: HttpDoor[] = [
    { ...server.http, host: "another.kgents.invalid" },
    { ...server.http, address: `127.0.0.1:${other}` },
    { ...server.http, address: `127.0.0.1:${await freePort()}` },
    { ...server.http, address: new URL(server.uiUrl).host },
  ];
  for (const door of doors) {
    const { runs, close } = await open(door);
    const run = start();
    const { runId } = await runs.start(run);
    expect(await runs.describe(run)).toMatchObject({ runId });
    await close();
  }
  silent.close();
});

it("a server that is gone is said to be unavailable", async () => {
  const { runs, close } = await open();
  await server.stop();
  await expect(runs.describe(start())).rejects.toMatchObject({
    code: "temporal-unavailable",
    message: expect.stringContaining(`at 127.0.0.1:${port}`),
  });
  await close();
  await restart();
});

it("each call has a deadline", async () => {
  const hanging = createServer(() => {});
  await new Promise<void>((resolve) => hanging.listen(0, "127.0.0.1", resolve));
  const { port: at } = hanging.address() as AddressInfo;
  const api = openHttpApi({ address: `127.0.0.1:${at}`, host: "x" });
  const began = performance.now();
  const late = await api.call({ method: "GET", path: ["system-info"], milliseconds: 100 }).catch((error) => error);
  expect(late).toBeInstanceOf(HttpApiStatus);
  expect(late).toMatchObject({ code: 4 });
  expect(performance.now() - began).toBeLessThan(5000);
  const pending = api.call({ method: "GET", path: ["system-info"], milliseconds: 30_000 }).catch((error) => error);
  api.close();
  expect(await pending).toMatchObject({ code: 1 });
  hanging.closeAllConnections();
  hanging.close();
});

it.each([
  ["no JSON", 200, "<html>"],
  ["null", 200, "null"],
  ["a refusal without a code", 404, "{}"],
  ["a refused host", 403, '{"code":7,"message":"Host not allowed"}'],
  ["an overloaded server", 429, '{"code":8,"message":"namespace rate limit exceeded"}'],
  ["a stopping server", 503, '{"code":14,"message":"not serving requests"}'],
])("%s is no answer of the API", async (_, status, body) => {
  const other = createServer((_request, response) => void response.writeHead(status).end(body));
  await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
  const api = openHttpApi({ address: `127.0.0.1:${(other.address() as AddressInfo).port}`, host: "x" });
  const call = api.call({ method: "GET", path: ["system-info"], milliseconds: 5000 });
  await expect(call).rejects.toBeInstanceOf(HttpApiUnreachable);
  api.close();
  other.close();
});
