/** An existing Temporal server, configured by the standard variables, with kgents' own worker or another one. */
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { type CommandLine, createCommandLine, processesOf, shellLine } from "../support/command-line.ts";
import { freePort } from "../support/dev-server.ts";
import { startWorkerProcess } from "../support/worker-process.ts";

const address = inject("temporalAddress");
let terminal: CommandLine;
beforeAll(async () => {
  terminal = await createCommandLine({ environment: { TEMPORAL_ADDRESS: address } });
});
afterAll(() => terminal[Symbol.asyncDispose]());

/** Sets the queue of all following commands, by the user's configuration file. */
async function useQueue(): Promise<string> {
  const taskQueue = `cli-${randomUUID()}`;
  await terminal.file("config/kgents/kgents.config.yaml", `worker: { taskQueue: ${taskQueue} }\n`);
  return taskQueue;
}

const hello = ["exec", "--quiet", "--code", "print('hello')"];
const helloed = { code: 0, stdout: "hello\n", stderr: "" };

describe("on this machine", () => {
  test("without a worker it is given one, and no server is started", async () => {
    const taskQueue = await useQueue();
    const { code, stdout, stderr } = await terminal.run(["exec", "--code", "print('hello')"]);
    expect({ code, stdout }).toEqual({ code: 0, stdout: "hello\n" });
    expect(stderr).toMatch(/^kgents: starting a worker \.\.\.\n/);
    expect(await terminal.run(hello)).toMatchObject(helloed);
    const { stdout: status } = await terminal.run(["status", "--json"]);
    expect(JSON.parse(status)).toMatchObject({
      temporal: { address, running: true, managed: false, pid: null },
      worker: { running: true, taskQueue, pollers: [{}] },
    });
    expect((await terminal.run(["up"])).stderr).toBe(
      `kgents: Temporal is up at ${address} (configured); the worker is up too\n`,
    );
    expect((await terminal.run(["down"])).stderr).toContain("the worker stopped, Temporal was not running;");
    expect(await processesOf(terminal.directory)).toEqual([]);
  });

  test("a worker of somebody else's serves; it shows its metrics, and drains on SIGTERM", async () => {
    const taskQueue = await useQueue();
    const metricsPort = await freePort();
    const flags = ["--metrics-port", String(metricsPort), "--maximum-cells", "2", "--backends", "subprocess"];
    const worker = await startWorkerProcess(address, taskQueue, join(terminal.directory, "elsewhere"), { flags });
    expect(await terminal.run(hello)).toMatchObject(helloed);
    expect((await terminal.run(["up"])).stderr).toBe(
      `kgents: Temporal is up at ${address} (configured); another worker serves the task queue\n`,
    );
    const { stdout } = await terminal.run(["status"]);
    expect(stdout).toContain(`none of kgents' own in the background; 1 polls the queue ${taskQueue}\n`);
    const metrics = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();
    expect(metrics).toMatch(/^temporal_workflow_completed_total\{.*\} 1$/m);
    expect(metrics).toContain(taskQueue);
    expect(await worker.end("SIGTERM")).toBe(0);
    const lines = worker.log().trimEnd().split("\n");
    expect(lines.map((line) => JSON.parse(line).msg)).toEqual(
      expect.arrayContaining([expect.stringMatching(/^draining/), "the worker has stopped"]),
    );
  });
});

describe("out of reach", () => {
  test.each([
    ["an address that does not answer", "192.0.2.1:7233"],
    ["a name that does not exist", "temporal.invalid:7233"],
    ["a port of this machine that nobody listens at", "127.0.0.1:9"],
  ])("%s: refused within 10 s", async (_, TEMPORAL_ADDRESS) => {
    await useQueue();
    const began = performance.now();
    const { code, stdout, stderr } = await terminal.run([...hello, "--json"], { environment: { TEMPORAL_ADDRESS } });
    expect(performance.now() - began).toBeLessThan(10_000);
    expect(code, stderr).toBe(125);
    expect(JSON.parse(stdout)).toMatchObject({
      id: null,
      error: { message: expect.stringContaining(TEMPORAL_ADDRESS), remedy: expect.any(String) },
    });
    if (!TEMPORAL_ADDRESS.startsWith("127.")) expect(JSON.parse(stdout).error.kind).toBe("temporal-unavailable");
  });

  test("another machine's server without a worker: refused within 2 s, and told what to start", async () => {
    await useQueue();
    const began = performance.now();
    // An address of this machine that is not recognised as one.
    const TEMPORAL_ADDRESS = address.replace("127.0.0.1", "0.0.0.0");
    const { code, stderr } = await terminal.run(hello, { environment: { TEMPORAL_ADDRESS } });
    expect(performance.now() - began).toBeLessThan(5000);
    expect(code).toBe(125);
    expect(stderr).toMatch(/^kgents: no worker polls the task queue cli-/);
    expect(stderr).toContain("with `kgents worker`.");
  });

  test("kgents worker ends by itself, and says why", async () => {
    const { code, stderr } = await terminal.run(["worker", "--address", "127.0.0.1:9"]);
    expect(code).not.toBe(0);
    expect(JSON.parse(stderr.trim().split("\n").at(-1) ?? "")).toMatchObject({
      level: "fatal",
      kind: "temporal-unavailable",
      msg: expect.stringContaining("127.0.0.1:9"),
    });
  });

  test("a profile that does not exist", async () => {
    const { code, stderr } = await terminal.run(hello, { environment: { TEMPORAL_PROFILE: "nobody" } });
    expect(code).toBe(2);
    expect(stderr).toContain("nobody");
    expect(stderr).toContain("Look at TEMPORAL_PROFILE");
  });
});

// Only root can change the user id and make a network of its own.
describe.runIf(process.getuid?.() === 0)("a program of another user at the address that nobody named", () => {
  const listener = `
import socket, time
door = socket.create_server(("127.0.0.1", 7233))
print("listens", flush=True)
time.sleep(600)`;

  test.each(["worker", "admin setup", "ps", "exec --code 1"])("kgents %s refuses it", async (command) => {
    const script = `
rm -f listens
ip link set lo up
setpriv --reuid 54321 --regid 54321 --clear-groups env PATH=/usr/bin:/bin python3 -c "$0" > listens &
until [ -s listens ]; do kill -0 %1 || exit; sleep 0.1; done
kgents ${command} </dev/null; echo "exit $?"
kill %1`;
    const shell = shellLine(script);
    const environment = { ...terminal.environment, TEMPORAL_ADDRESS: undefined, KGENTS_PORT: undefined };
    const { stdout, stderr } = await terminal.program("unshare", ["-n", "bash", ...shell, listener], { environment });
    expect(stdout).toBe("exit 125\n");
    expect(stderr).toContain("belongs to another user of this machine (uid 54321)");
  });
});
