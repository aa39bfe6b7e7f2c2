/** The probes of `kgents worker`, requested like a kubelet does. */
import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client, Connection } from "@temporalio/client";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { startExecution } from "#client/sdk/start-execution";
import { grpcRuns } from "#client/sdk/temporal/grpc-runs";
import { startHealthServer } from "#platform/host/health-server";
import { createCommandLine } from "../support/command-line.ts";
import { freePort, startDevServer } from "../support/dev-server.ts";
import { startWorkerProcess } from "../support/worker-process.ts";

const address = inject("temporalAddress");
let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "kgents-health-"));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

/** Requests a probe. Returns the status, or why there was no response. */
async function ask(port: number, path: string): Promise<{ status: number; text: string }> {
  const response = await fetch(`http://127.0.0.1:${port}${path}`);
  return { status: response.status, text: (await response.text()).trim() };
}

describe("kgents worker --health-port", () => {
  test("ready while it polls; not while it drains, when it still lives and the code may end", async () => {
    const taskQueue = `health-${randomUUID()}`;
    const port = await freePort();
    const flags = ["--health-port", String(port), "--drain", "20s", "--backends", "subprocess"];
    const worker = await startWorkerProcess(address, taskQueue, join(directory, "drains"), { flags });
    expect(await ask(port, "/readyz")).toEqual({ status: 200, text: "ready" });
    expect(await ask(port, "/healthz")).toEqual({ status: 200, text: "alive" });
    expect(await ask(port, "/")).toMatchObject({ status: 404 });

    const connection = await Connection.connect({ address });
    // Another worker of the queue continues the workflow while this one drains.
    const other = await startWorkerProcess(address, taskQueue, join(directory, "other"), {
      flags: ["--backends", "subprocess"],
    });
    const request = { code: "echo begun; sleep 4; echo ended", language: "sh", live: "heartbeat" } as const;
    const handles = await Promise.all(
      Array.from({ length: 6 }, () =>
        startExecution(grpcRuns(new Client({ connection })), taskQueue, undefined, request, {}),
      ),
    );
    for (const handle of handles) for await (const event of handle.output()) if (event.type === "output") break;
    const ended = worker.end("SIGTERM");
    await expect.poll(() => ask(port, "/readyz")).toEqual({ status: 503, text: "the worker is draining" });
    expect(await ask(port, "/healthz")).toEqual({ status: 200, text: "alive" });
    expect(await ended).toBe(0);
    const results = await Promise.all(handles.map((handle) => handle.result()));
    expect(results.map(({ status, attempts }) => ({ status, attempts }))).toEqual(
      results.map(() => ({ status: "succeeded", attempts: 1 })),
    );
    await expect(ask(port, "/healthz")).rejects.toThrow();
    await other.end("SIGTERM");
    await connection.close();
  }, 180_000);

  test("not ready while the server is away, and ready again when it is back", async () => {
    const binary = inject("temporalBinary");
    const [serverPort, port] = [await freePort(), await freePort()];
    const database = join(directory, "away.db");
    const server = await startDevServer(binary, database, { port: serverPort });
    const flags = ["--health-port", String(port), "--drain", "1s", "--backends", "subprocess"];
    const worker = await startWorkerProcess(server.address, "health", join(directory, "away"), { flags });
    expect(await ask(port, "/readyz")).toMatchObject({ status: 200 });
    await server.stop();
    expect(await ask(port, "/readyz")).toMatchObject({
      status: 503,
      text: expect.stringContaining("Temporal does not respond"),
    });
    expect(await ask(port, "/healthz")).toMatchObject({ status: 200 });
    const back = await startDevServer(binary, database, { port: serverPort });
    await expect.poll(() => ask(port, "/readyz"), { timeout: 60_000 }).toMatchObject({ status: 200 });
    expect(await worker.end("SIGTERM")).toBe(0);
    await back.stop();
  }, 120_000);

  test("it listens on loopback, and elsewhere when told to", async () => {
    const everywhere = await startHealthServer({ host: "0.0.0.0", port: 0 }, async () => "the worker is starting");
    expect(await ask(everywhere.port, "/readyz")).toEqual({ status: 503, text: "the worker is starting" });
    const posted = await fetch(`http://127.0.0.1:${everywhere.port}/readyz`, { method: "POST" });
    expect(posted.status).toBe(405);
    await everywhere.close();
  });

  test("a port that is taken ends it, and it says which", async () => {
    await using terminal = await createCommandLine({ environment: { TEMPORAL_ADDRESS: address } });
    const other = createServer();
    const port = await freePort();
    await new Promise<void>((resolve) => other.listen(port, "127.0.0.1", resolve));
    const { code, stderr } = await terminal.run(["worker", "--health-port", String(port)]);
    other.close();
    expect(code).toBe(2);
    expect(stderr).toContain(`--health-port: got 127.0.0.1 port ${port}`);
  });

  test("unhandled rejection: it says so, the code that runs may end, and the process does", async () => {
    const taskQueue = `health-${randomUUID()}`;
    const state = join(directory, "defect");
    const flags = ["--drain", "20s", "--backends", "subprocess"];
    const defect = 'process.on("SIGUSR2", () => Promise.reject(new Error("a test let this go")))';
    const environment = { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(defect)}` };
    const worker = await startWorkerProcess(address, taskQueue, state, { flags, environment });
    const connection = await Connection.connect({ address });
    const request = { code: "echo begun; sleep 2; echo ended", language: "sh", live: "heartbeat" } as const;
    const handle = await startExecution(grpcRuns(new Client({ connection })), taskQueue, undefined, request, {});
    for await (const event of handle.output()) if (event.type === "output") break;
    expect(await worker.end("SIGUSR2")).toBe(125);
    const fatal = worker
      .log()
      .split("\n")
      .find((line) => line.includes('"level":"fatal"'));
    expect(JSON.parse(fatal ?? "{}")).toMatchObject({
      msg: expect.stringMatching(/^unhandled rejection: .+drains and exits/),
      stack: expect.stringContaining("a test let this go"),
    });
    const next = await startWorkerProcess(address, taskQueue, state, { flags });
    expect(await handle.result()).toMatchObject({
      status: "succeeded",
      attempts: 1,
      stdout: { text: "begun\nended\n" },
    });
    await next.end("SIGTERM");
    await connection.close();
  });

  test("code that outlasts the drain is ended, and said to be lost", async () => {
    const taskQueue = `health-${randomUUID()}`;
    const flags = ["--drain", "1500ms", "--backends", "subprocess"];
    const worker = await startWorkerProcess(address, taskQueue, join(directory, "short"), { flags });
    const connection = await Connection.connect({ address });
    const request = { code: "echo begun; sleep 300", language: "sh", timeout: 400, live: "heartbeat" } as const;
    const handle = await startExecution(grpcRuns(new Client({ connection })), taskQueue, undefined, request, {});
    for await (const event of handle.output()) if (event.type === "output") break;
    const began = performance.now();
    expect(await worker.end("SIGTERM")).toBe(0);
    const took = performance.now() - began;
    expect(took).toBeGreaterThan(1500);
    expect(took).toBeLessThan(40_000);
    const next = await startWorkerProcess(address, taskQueue, join(directory, "short"), { flags });
    expect(await handle.result()).toMatchObject({ status: "lost", attempts: 1, stdout: { text: "begun\n" } });
    await next.end("SIGTERM");
    await connection.close();
  });
});
