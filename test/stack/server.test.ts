import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { createServer as createHttpServer } from "node:http";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { Client, Connection } from "@temporalio/client";
import { expect, inject, test } from "vitest";
import { down, ensureStack } from "#client/stack/stack";
import { stackStatus } from "#client/stack/stack-status";
import { isRunning } from "#platform/host/process-identity";
import type { ServerRecord } from "#platform/host/server-record";
import { freePort, startDevServer } from "../support/dev-server.ts";
import { processesWith } from "../support/processes.ts";
import { createTestStack, deadProcess, killNow, type TestStack, writeProgram } from "./support.ts";

const temporal = inject("temporalBinary");

const readRecord = async ({ state }: TestStack): Promise<ServerRecord> =>
  JSON.parse(await readFile(join(state, "temporal.json"), "utf8"));

async function withClient<T>(address: string, use: (client: Client) => Promise<T>): Promise<T> {
  const connection = await Connection.connect({ address });
  try {
    return await use(new Client({ connection }));
  } finally {
    await connection.close();
  }
}

const startRun = (address: string, workflowId: string): Promise<unknown> =>
  withClient(address, (client) => client.workflow.start("any", { workflowId, taskQueue: "nobody" }));
const hasRun = (address: string, workflowId: string): Promise<boolean> =>
  withClient(address, (client) => client.workflow.getHandle(workflowId).describe()).then(
    () => true,
    () => false,
  );

async function listening(server: Server, port: number): Promise<AsyncDisposable> {
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  return { [Symbol.asyncDispose]: async () => void server.close() };
}

test("the server comes up as it should be, stops, and comes up again with its history", async () => {
  await using stack = await createTestStack(temporal);
  const { address, uiUrl, managed, configured } = await ensureStack(stack.options);
  expect({ address, managed, configured }).toEqual({
    address: `127.0.0.1:${stack.port}`,
    managed: true,
    configured: false,
  });
  expect(stack.said).toEqual([expect.stringMatching(/^starting Temporal \d.* at 127/), "starting a worker ..."]);
  expect((await fetch(uiUrl ?? "")).status).toBe(200);
  const [retention, attributes] = await withClient(address, async ({ connection }) => {
    const described = await connection.workflowService.describeNamespace({ namespace: "default" });
    const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace: "default" });
    return [described.config?.workflowExecutionRetentionTtl?.seconds, customAttributes];
  });
  expect(Number(retention)).toBe(7 * 24 * 3600);
  expect(attributes).toMatchObject({ KgentsLanguage: 2, KgentsBackend: 2, KgentsStatus: 2, KgentsRequester: 2 });
  const log = await readFile(join(stack.state, "temporal.log"), "utf8");
  expect(log).not.toContain("level=INFO");
  await startRun(address, "before");

  expect(await down(stack.options)).toEqual({ worker: "stopped", temporal: "stopped" });
  expect(await down(stack.options)).toEqual({ worker: "was not running", temporal: "was not running" });
  expect((await stackStatus(stack.options)).temporal).toMatchObject({ running: false, managed: false, pid: null });

  await ensureStack(stack.options);
  expect(await hasRun(address, "before")).toBe(true);
  expect((await stackStatus(stack.options)).temporal).toMatchObject({
    address,
    uiUrl,
    running: true,
    managed: true,
    version: expect.stringMatching(/^\d+\.\d+/),
    pid: (await readRecord(stack)).pid,
    database: expect.stringMatching(/temporal-\d.*\.db$/),
  });

  // A setting that applies without a restart.
  const { pid } = await readRecord(stack);
  await ensureStack({ ...stack.options, retentionMilliseconds: 2 * 86_400_000 });
  const after = await withClient(address, ({ connection }) =>
    connection.workflowService.describeNamespace({ namespace: "default" }),
  );
  expect(Number(after.config?.workflowExecutionRetentionTtl?.seconds)).toBe(2 * 24 * 3600);
  expect((await readRecord(stack)).pid).toBe(pid);
});

test("another version of the server begins a file of its own", async () => {
  await using stack = await createTestStack(temporal);
  const { address } = await ensureStack(stack.options);
  const { version } = await readRecord(stack);
  await startRun(address, "old");
  await down(stack.options);
  const other = join(stack.directory, "other-temporal");
  await writeProgram(
    other,
    `#!/bin/sh\n[ "$1" = --version ] && { echo "temporal version 1.99.0 (Server 9)"; exit; }\nexec ${temporal} "$@"\n`,
  );
  const upgraded = { ...stack.options, environment: { ...stack.options.environment, KGENTS_TEMPORAL_CLI: other } };
  await ensureStack(upgraded);
  expect(await hasRun(address, "old")).toBe(false);
  expect(await readdir(stack.state)).toEqual(expect.arrayContaining([`temporal-${version}.db`, "temporal-1.99.0.db"]));
  await down(upgraded);
  await ensureStack(stack.options);
  expect(await hasRun(address, "old")).toBe(true);
});

test("a server that was killed comes up again, with its history", async () => {
  await using stack = await createTestStack(temporal);
  const { address } = await ensureStack(stack.options);
  await startRun(address, "before");
  const { pid } = await readRecord(stack);
  await killNow(pid);
  await ensureStack(stack.options);
  expect((await readRecord(stack)).pid).not.toBe(pid);
  expect(await hasRun(address, "before")).toBe(true);
  // The worker continues: it reconnects to the server itself.
  expect(await stack.workerStarts()).toHaveLength(1);
});

test("two commands on a cold machine start one server and one worker", async () => {
  await using stack = await createTestStack(temporal);
  const script = join(stack.directory, "command.mjs");
  const module = new URL("../../client/stack/stack.ts", import.meta.url);
  await writeFile(
    script,
    `import { ensureStack } from ${JSON.stringify(module.href)};
     const stack = await ensureStack({ workerEntry: process.argv[2] });
     console.log(JSON.stringify(stack));`,
  );
  const command = async (): Promise<[unknown, string]> => {
    const child = spawn(process.execPath, [script, stack.options.workerEntry ?? ""], {
      env: stack.options.environment,
      stdio: ["ignore", "pipe", "inherit"],
    });
    let output = "";
    child.stdout.on("data", (data) => {
      output += data;
    });
    const [code] = await once(child, "close");
    return [code, output];
  };
  const answers = await Promise.all([command(), command(), command()]);
  for (const [code, output] of answers) {
    expect(code).toBe(0);
    expect(JSON.parse(output)).toMatchObject({ managed: true, worker: "own" });
  }
  expect(await stack.workerStarts()).toHaveLength(1);
  expect(await processesWith(`--db-filename ${stack.state}`)).toEqual([(await readRecord(stack)).pid]);
});

test.each<[string, (pid: number, record: ServerRecord) => object]>([
  ["of a dead process", (pid, record) => ({ ...record, pid })],
  ["of a process id that was given to another", (_, record) => ({ ...record, pid: process.pid })],
  ["with nonsense in it", () => ({ pid: "many" })],
])("a state file %s is seen through", async (_, stale) => {
  await using stack = await createTestStack(temporal);
  await ensureStack(stack.options);
  const record = await readRecord(stack);
  await down(stack.options);
  await writeFile(join(stack.state, "temporal.json"), JSON.stringify(stale(await deadProcess(), record)));
  expect((await stackStatus(stack.options)).temporal.managed).toBe(false);
  expect(await down(stack.options)).toEqual({ worker: "was not running", temporal: "was not running" });
  await ensureStack(stack.options);
  expect(await isRunning(await readRecord(stack))).toBe(true);
});

test("a server whose starter died before it was ready is taken over", async () => {
  await using stack = await createTestStack(temporal);
  await ensureStack(stack.options);
  const record = await readRecord(stack);
  await writeFile(join(stack.state, "temporal.json"), JSON.stringify({ ...record, serving: false }));
  await ensureStack(stack.options);
  expect(await readRecord(stack)).toEqual(record);
});

test.each<[string, () => Server]>([
  ["says nothing", () => createServer()],
  ["hangs up", () => createServer((socket) => socket.destroy())],
  ["talks first", () => createServer((socket) => socket.end("SSH-2.0-x\r\n"))],
  ["is a web server", () => createHttpServer((_, response) => response.end("hello"))],
])("a port taken by something that %s is refused by its number", async (_, create) => {
  await using stack = await createTestStack(temporal);
  await using _listener = await listening(create(), stack.port);
  await expect(ensureStack(stack.options)).rejects.toMatchObject({
    code: "stack-start",
    message: `port ${stack.port} is in use by a program that is not Temporal`,
    remedy: "Choose another port with KGENTS_PORT.",
  });
});

test("a server that somebody else started is used as it is, and not stopped", async () => {
  await using stack = await createTestStack("/nonexistent");
  const server = await startDevServer(temporal, join(stack.directory, "foreign.db"), { port: stack.port });
  try {
    expect(await ensureStack(stack.options)).toMatchObject({ managed: false, configured: false, worker: "own" });
    expect(await ensureStack(stack.options)).toMatchObject({ managed: false, configured: false, worker: "own" });
    expect((await stackStatus(stack.options)).temporal).toMatchObject({ running: true, managed: false, pid: null });
    expect(await down(stack.options)).toEqual({ worker: "stopped", temporal: "was not running" });
    expect(await hasRun(server.address, "none")).toBe(false);
  } finally {
    await server.stop();
  }
});

/** Forwards data from one port to another. */
const forwarder = `
import socket, sys, threading
def copy(one, other):
    while data := one.recv(65536): other.sendall(data)
    other.close()
door = socket.create_server(("127.0.0.1", int(sys.argv[1])))
print("listens", flush=True)
while True:
    inside, _ = door.accept()
    outside = socket.create_connection(("127.0.0.1", int(sys.argv[2])))
    for pair in ((inside, outside), (outside, inside)): threading.Thread(target=copy, args=pair, daemon=True).start()
`;

// Only root can change the user id.
test.runIf(process.getuid?.() === 0)("a server of another user gets nothing unless it is named", async () => {
  await using stack = await createTestStack(temporal);
  const [, port = ""] = inject("temporalAddress").split(":");
  const other = spawn("python3", ["-c", forwarder, String(stack.port), port], { uid: 54_321, gid: 54_321, cwd: "/" });
  try {
    await once(other.stdout, "data");
    const remedy = expect.stringContaining(`TEMPORAL_ADDRESS=127.0.0.1:${stack.port}`);
    const refusal = { code: "stack-start", message: expect.stringContaining("another user of this machine"), remedy };
    await expect(ensureStack(stack.options)).rejects.toMatchObject(refusal);
    expect((await stackStatus(stack.options)).temporal).toMatchObject({
      running: false,
      reason: expect.stringContaining("(uid 54321)"),
    });
    expect(await stack.workerStarts()).toEqual([]);
    const named = { ...stack.options, address: `127.0.0.1:${stack.port}` };
    expect(await ensureStack(named)).toMatchObject({ configured: true, worker: "own" });
  } finally {
    other.kill();
  }
});

test("a second port while the server runs is refused; without one it is found where it is", async () => {
  await using stack = await createTestStack(temporal);
  await ensureStack(stack.options);
  await expect(ensureStack({ ...stack.options, port: await freePort() })).rejects.toMatchObject({
    code: "stack-start",
    message: expect.stringContaining(`runs at 127.0.0.1:${stack.port}, not at`),
  });
  const { KGENTS_PORT: _, ...environment } = stack.options.environment;
  expect((await ensureStack({ ...stack.options, environment })).address).toBe(`127.0.0.1:${stack.port}`);
});

test("a server that does not start is reported with what it said", async () => {
  await using stack = await createTestStack("/nonexistent");
  const broken = join(stack.directory, "broken-temporal");
  const version = '[ "$1" = --version ] && { echo "temporal version 1.9.1 (Server 9)"; exit; }';
  await writeProgram(broken, `#!/bin/sh\n${version}\necho "disk I/O error" >&2\nexit 7\n`);
  const environment = { ...stack.options.environment, KGENTS_TEMPORAL_CLI: broken };
  await expect(ensureStack({ ...stack.options, environment })).rejects.toMatchObject({
    code: "stack-start",
    message: expect.stringMatching(/did not start at 127.*: exit code 7\ndisk I\/O error$/),
    remedy: `Check ${join(stack.state, "temporal.log")}.`,
  });
});

test("where the UI's usual port is taken, it gets another", async () => {
  await using stack = await createTestStack(temporal);
  await using _listener = await listening(createServer(), stack.port + 1000);
  const { uiUrl } = await ensureStack(stack.options);
  expect(uiUrl).not.toContain(`:${stack.port + 1000}`);
  expect((await fetch(uiUrl ?? "")).status).toBe(200);
  expect(stack.said).toContainEqual(expect.stringContaining(`port ${stack.port + 1000} is in use`));
});

test("a namespace that is not there is made", async () => {
  await using stack = await createTestStack(temporal, { TEMPORAL_NAMESPACE: "team" });
  const { address, namespace } = await ensureStack(stack.options);
  expect(namespace).toBe("team");
  await withClient(address, ({ connection }) => connection.workflowService.describeNamespace({ namespace: "team" }));
  expect((await stack.workerStarts())[0]?.environment).toMatchObject({ TEMPORAL_NAMESPACE: "team" });
});

test("a log that has become large makes way for a new one", async () => {
  await using stack = await createTestStack(temporal);
  await ensureStack(stack.options);
  await down(stack.options);
  await writeFile(join(stack.state, "temporal.log"), Buffer.alloc(11 * 1024 * 1024));
  await ensureStack(stack.options);
  expect(await readdir(stack.state)).toContain("temporal.log.1");
});
