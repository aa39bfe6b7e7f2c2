/** `up`, `down`, `status`, and `exec` on a stack that is stopped, partly dead or broken. */
import { once } from "node:events";
import { existsSync } from "node:fs";
import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { isRunning } from "#platform/host/process-identity";
import { type CommandLine, createCommandLine, processesOf } from "../support/command-line.ts";
import { freePort } from "../support/dev-server.ts";
import { processesRunning, processesWith } from "../support/processes.ts";
import { canMount, mountSmallDisk } from "../support/small-disk.ts";

const temporal = { KGENTS_TEMPORAL_CLI: inject("temporalBinary") };
let terminal: CommandLine;
beforeAll(async () => {
  terminal = await createCommandLine({ environment: temporal });
});
afterAll(() => terminal[Symbol.asyncDispose]());

const hello = ["exec", "--quiet", "--code", "print('hello')"];
const helloed = { code: 0, stdout: "hello\n", stderr: "" };

async function statusOf() {
  const { code, stdout, stderr } = await terminal.run(["status", "--json"]);
  expect(stderr).toBe("");
  return { code, ...JSON.parse(stdout) };
}

const recordOf = async (name: "temporal" | "worker"): Promise<{ pid: number }> =>
  JSON.parse(await readFile(join(terminal.state, `${name}.json`), "utf8"));
const pidsOf = async () => ({ server: (await recordOf("temporal")).pid, worker: (await recordOf("worker")).pid });

describe("the life of a stack, from a cold machine", () => {
  test("status before: nothing runs, and nothing is started by asking", async () => {
    expect(await statusOf()).toMatchObject({
      code: 1,
      version: expect.stringMatching(/^\d/),
      temporal: { running: false, managed: false, pid: null, uiUrl: null, address: `127.0.0.1:${terminal.port}` },
      worker: { running: false, pid: null, taskQueue: "kgents", pollers: [] },
      backends: { kubernetes: { available: false }, subprocess: {} },
    });
    const { code, stdout } = await terminal.run(["status"]);
    expect(code).toBe(1);
    expect(stdout).toContain(`Temporal  not running at 127.0.0.1:${terminal.port}`);
    expect(stdout).toContain("Worker    not running; nobody polls the queue kgents\n");
    expect(stdout).toContain("Start with `kgents up`, or just run something with `kgents exec`.\n");
    expect(await processesOf(terminal.directory)).toEqual([]);
  });

  test("down before: nothing to do is no error", async () => {
    const { code, stdout, stderr } = await terminal.run(["down"]);
    expect({ code, stdout }).toEqual({ code: 0, stdout: "" });
    expect(stderr).toBe("kgents: the worker was not running, Temporal was not running; history and output are kept\n");
  });

  test("a Ctrl-C during the start leaves nothing in the way of the next command", async () => {
    const command = terminal.start(["exec", "--code", "print('never')"]);
    await command.says("stderr", "starting a worker ...");
    await expect.poll(() => existsSync(join(terminal.state, "worker.json"))).toBe(true);
    command.child.kill("SIGINT");
    expect(await command.ended).toMatchObject({ code: 130, stdout: "" });
    expect(command.stderr()).toContain("kgents: stopped before the run was started\n");
    expect(await terminal.run(["down", "--quiet"])).toMatchObject({ code: 0, stderr: "" });
    expect(await processesOf(terminal.directory)).toEqual([]);
  });

  test("two commands at once on a cold machine share one stack", async () => {
    const ended = await Promise.all([terminal.run(hello), terminal.run(hello), terminal.run(hello)]);
    expect(ended).toEqual(ended.map(() => expect.objectContaining(helloed)));
    const servers = await processesWith(`--port ${terminal.port} `);
    expect(servers).toHaveLength(1);
    expect(await processesWith(join(terminal.state, "worker.json"))).toHaveLength(1);
  });

  test("up says where it is; a second time it changes nothing", async () => {
    const before = await pidsOf();
    for (const _ of [1, 2]) {
      const { code, stdout, stderr } = await terminal.run(["up"]);
      expect({ code, stdout }).toEqual({ code: 0, stdout: "" });
      expect(stderr).toMatch(
        /^kgents: Temporal is up at 127\.0\.0\.1:\d+ \(started by kgents\); the worker is up too\nkgents: Temporal's UI is at http:/,
      );
    }
    expect(await pidsOf()).toEqual(before);
    expect(await terminal.run(["up", "--quiet"])).toMatchObject({ code: 0, stdout: "", stderr: "" });
  });

  test("status while it runs", async () => {
    const { code, temporal: server, worker, backends } = await statusOf();
    expect({ code, server, worker }).toMatchObject({
      code: 0,
      server: { running: true, managed: true, namespace: "default", version: expect.stringMatching(/^\d+\.\d+/) },
      worker: { running: true, activeRuns: 0, idle: true, outdated: [], pollers: [{}] },
    });
    expect(backends.subprocess).toMatchObject({ available: expect.any(Boolean), summary: expect.any(String) });
    expect((await fetch(server.uiUrl)).status).toBe(200);
    const { stdout } = await terminal.run(["status"]);
    for (const part of [server.address, server.uiUrl, server.database, worker.log, `pid ${worker.pid}`]) {
      expect(stdout).toContain(part);
    }
    expect(stdout).toContain("0 runs now; 1 polls the queue kgents\n");
  });

  test("history is kept over down and up", async () => {
    const run = ["exec", "--quiet", "--id", "before", "--code", "print('from before')"];
    await terminal.run(run);
    const { stderr } = await terminal.run(["down"]);
    expect(stderr).toBe("kgents: the worker stopped, Temporal stopped; history and output are kept\n");
    expect(await processesOf(terminal.directory)).toEqual([]);
    expect((await statusOf()).code).toBe(1);
    await terminal.run(["up"]);
    const again = await terminal.run(["exec", "--id", "before", "--code", "print('from before')"]);
    expect(again).toMatchObject({ code: 0, stdout: "from before\n" });
    expect(again.stderr).toContain("kgents: attached to the run before\n");
  });
});

describe("what died without a word", () => {
  test.each([
    ["the worker", ["worker"]],
    ["the server", ["temporal"]],
    ["both", ["worker", "temporal"]],
  ] as const)("%s was killed: the next command starts it again", async (_, names) => {
    await terminal.run(["up"]);
    for (const name of names) {
      const { pid } = await recordOf(name);
      process.kill(pid, "SIGKILL");
      await expect.poll(() => isRunning({ pid, startTime: "" })).toBe(false);
    }
    expect(await terminal.run(hello)).toMatchObject(helloed);
  });

  test("files that name processes of others are seen through, and those left alone", async () => {
    await terminal.run(["down"]);
    for (const name of ["temporal", "worker"] as const) {
      // The id of this process, as if the system had reused the id after theirs had ended.
      const record = { ...(await recordOf(name)), pid: process.pid, startTime: "1" };
      await writeFile(join(terminal.state, `${name}.json`), JSON.stringify(record));
    }
    expect((await statusOf()).worker).toMatchObject({ running: false, pid: null });
    expect(await terminal.run(hello)).toMatchObject(helloed);
    expect((await pidsOf()).worker).not.toBe(process.pid);
  });

  test("files with nonsense in them", async () => {
    await terminal.run(["down"]);
    await writeFile(join(terminal.state, "temporal.json"), "{");
    await writeFile(join(terminal.state, "worker.json"), '{"pid":"all"}');
    expect(await terminal.run(hello)).toMatchObject(helloed);
  });
});

describe("what a worker froze at its start", () => {
  const changes: [name: string, change: () => Promise<NodeJS.ProcessEnv>][] = [
    ["PATH", async () => ({ PATH: `${process.env.PATH}:/opt/another/bin` })],
    ["the configuration", async () => ({ KGENTS_CONFIG: await terminal.file("other.yaml", "defaults: {}") })],
    ["the kubeconfig", async () => ({ KUBECONFIG: await terminal.file("kubeconfig", "{}") })],
  ];

  test.each(changes)("%s changed: an idle worker is replaced, the server stays", async (name, change) => {
    await terminal.run(["up"]);
    const before = await pidsOf();
    const environment = await change();
    const { code, stdout, stderr } = await terminal.run(["exec", "--code", "print(1)"], { environment });
    expect({ code, stdout }, stderr).toEqual({ code: 0, stdout: "1\n" });
    expect(stderr).toContain(`kgents: restarting the worker: ${name}`);
    const after = await pidsOf();
    expect(after.server).toBe(before.server);
    expect(after.worker).not.toBe(before.worker);
  });

  test("a busy one goes on, which is said, and status tells it", async () => {
    await terminal.run(["up"]);
    const before = await pidsOf();
    const code = "echo begun; sleep 622.5";
    const busy = terminal.start(["exec", "--quiet", "--timeout", "700", "--lang", "sh", "--code", code]);
    await busy.says("stdout", "begun");
    const worker = async () => (await statusOf()).worker;
    await expect.poll(worker).toMatchObject({ activeRuns: 1, idle: false });
    const environment = { PATH: `${process.env.PATH}:/opt/yet/another/bin` };
    const { stdout, stderr } = await terminal.run(["exec", "--code", "print(1)"], { environment });
    expect(stdout).toBe("1\n");
    expect(stderr).toContain("kgents: the worker is busy, so it keeps its settings although PATH changed");
    const { stdout: words } = await terminal.run(["status"], { environment });
    expect(words).toContain("to be replaced when idle: PATH changed\n");
    expect(await pidsOf()).toEqual(before);
    busy.child.kill("SIGINT");
    expect(await busy.ended).toMatchObject({ code: 130, stdout: "begun\n" });
  });

  test("down waits for running code no longer than it says, and what it ended is lost and said so", async () => {
    await terminal.run(["up"]);
    const id = "ended-by-down";
    const run = ["--id", id, "--timeout", "700", "--lang", "sh", "--code", "echo begun; sleep 621.5"];
    const command = terminal.start(["exec", ...run]);
    await command.says("stdout", "begun");
    const asked = performance.now();
    const { code, stderr } = await terminal.run(["down"]);
    expect(code).toBe(0);
    expect(stderr).toContain(
      "kgents: the worker has 1 open run; code that does not end within 10 s is killed, and its run is lost\n",
    );
    expect(performance.now() - asked).toBeLessThan(25_000);
    expect(await processesRunning("sleep 621.5")).toEqual([]);
    // A client that waits for a result gets an error when the server is gone, or the result once it is back.
    await wait(200);
    await terminal.run(["up"]);
    expect(await command.ended).toMatchObject({ code: 125, stderr: expect.stringContaining("kgents: lost: ") });
  }, 90_000);
});

test("a run that is asked for while down goes on waits, and gets a new stack", async () => {
  await terminal.run(["up"]);
  const run = ["exec", "--timeout", "700", "--lang", "sh", "--code", "echo begun; sleep 623.5"];
  const held = terminal.start(run);
  await held.says("stdout", "begun");
  const before = await pidsOf();
  const down = terminal.start(["down"]);
  await down.says("stderr", "the worker has 1 open run");
  await expect.poll(() => existsSync(join(terminal.state, "worker-ready.json"))).toBe(false);
  const { code, stdout, stderr } = await terminal.run(["exec", "--code", "print('hello')"]);
  expect({ code, stdout }, stderr).toEqual({ code: 0, stdout: "hello\n" });
  expect(stderr).toContain(
    `kgents: waiting for process ${down.child.pid}, which starts or stops the local stack ...\n`,
  );
  expect(await down.ended).toMatchObject({ code: 0 });
  expect(await pidsOf()).not.toMatchObject({ server: before.server });
  expect(await held.ended).toMatchObject({ code: 125 });
}, 120_000);

test("a worker whose state directory is gone ends by itself", async () => {
  await using other = await createCommandLine({ environment: temporal });
  await other.run(["up"]);
  const record = join(other.state, "worker.json");
  const text = await readFile(record, "utf8");
  const worker = JSON.parse(text);
  await rm(record);
  await expect.poll(() => isRunning(worker), { timeout: 40_000 }).toBe(false);
  expect(await readFile(join(other.state, "worker.log"), "utf8")).toContain(
    "worker.json was removed or names another worker",
  );
  await writeFile(record, text);
}, 120_000);

test("a port that something else holds is refused, and named", async () => {
  await terminal.run(["down"]);
  const port = await freePort();
  const server = createServer((_, response) => response.end("not Temporal")).listen(port, "127.0.0.1");
  await once(server, "listening");
  const { code, stdout, stderr } = await terminal.run(hello, { environment: { KGENTS_PORT: String(port) } });
  server.close();
  expect({ code, stdout }).toEqual({ code: 125, stdout: "" });
  expect(stderr).toContain(`kgents: port ${port} is in use by a program that is not Temporal\n`);
  expect(stderr).toContain("Choose another port");
});

test.each(canMount ? ["full"] : [])("down on a disk that is %s", async () => {
  await using disk = await mountSmallDisk(192 * 2 ** 20);
  const environment = { ...temporal, XDG_STATE_HOME: join(disk.directory, "state") };
  await using other = await createCommandLine({ environment });
  expect(await other.run(hello)).toMatchObject(helloed);
  await disk.fill();
  expect(await other.run(["down"])).toMatchObject({
    code: 0,
    stderr: "kgents: the worker stopped, Temporal stopped; history and output are kept\n",
  });
  // Temporal freed some space when it closed its database.
  await disk.fill();
  const { code, stderr } = await other.run(["exec", "--code", "print(1)"]);
  expect(code).toBe(125);
  expect(stderr).toMatch(/^kgents: .*ENOSPC: .*\n +Free space there, or choose other directories with XDG_STATE_HOME/m);
  expect((await readdir(join(disk.directory, "state/kgents"))).filter((name) => name.includes("draft"))).toEqual([]);
  expect(await processesOf(disk.directory)).toEqual([]);
});

describe("an odd HOME", () => {
  test.each([
    ["unset", undefined],
    ["empty", ""],
    ["not there", "/nonexistent/home"],
    ["not a directory", "/dev/null"],
  ])("%s", async (_, home) => {
    const environment = { HOME: home, PYENV_ROOT: process.env.PYENV_ROOT };
    expect(await terminal.run(["exec", "-q", "--lang", "sh", "--code", "echo hi"], { environment })).toMatchObject({
      code: 0,
      stdout: "hi\n",
      stderr: "",
    });
  });
});
