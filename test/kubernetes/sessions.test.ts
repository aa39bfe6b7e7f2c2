/** Programs of a session in a pod: a kernel and other processes stay between them, whichever worker asks. */
import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, test } from "vitest";
import type { CellPlan } from "#cells/cell-plan";
import type { CellProvider } from "#cells/provider";
import type { ExecutionRequest } from "#core/contract/request";
import { acquireCell, follow, programFrom, runProgram } from "./cell-programs.ts";
import { type CellNamespace, cluster, openTwoProviders } from "./support.ts";

const instance = `test-${randomUUID().slice(0, 8)}`;
let namespace: CellNamespace;
/** The providers of two workers. */
let first: CellProvider;
let second: CellProvider;
let close: () => Promise<void>;

beforeAll(async () => {
  ({ namespace, first, second, close } = await openTwoProviders(instance));
});
afterAll(() => close());

const acquire = (request: ExecutionRequest) =>
  acquireCell(first, { memory: "256Mi", ...request }, { programs: "session" });

const callOf = (cell: CellPlan, code: string, timeout = 60) => ({
  ...programFrom({ language: cell.shape.language.name, code, timeout }),
  kernel: true as const,
});

const scriptOf = (script: string, request: ExecutionRequest = {}) => {
  const { code, ...program } = programFrom({ code: ":", ...request });
  return { ...program, code: undefined, script };
};

type Ran = Awaited<ReturnType<typeof runProgram>>;

/** What a call came to. */
function endOf({ outcome, stdout, stderr }: Ran) {
  const said = outcome.kernelResult;
  const result = said !== undefined && "text" in said ? JSON.parse(said.text) : said;
  return { code: outcome.exit?.code, lost: outcome.lost, stoppedBy: outcome.stoppedBy, stdout, stderr, result };
}

/** Runs the calls and scripts of a cell, one after another. */
function programsOf(cell: CellPlan) {
  let n = 0;
  return {
    next: () => ++n,
    call: async (code: string, timeout?: number, provider = first) =>
      endOf(await runProgram(provider, cell, ++n, callOf(cell, code, timeout))),
    script: (script: string, request?: ExecutionRequest, provider = first) =>
      runProgram(provider, cell, ++n, scriptOf(script, request)),
    run: (request: ExecutionRequest) =>
      runProgram(first, cell, ++n, programFrom({ language: cell.shape.language.name, ...request })),
  };
}

const fine = { code: 0, lost: null, stderr: "", stoppedBy: undefined };
const succeeded = { exit: { code: 0, signal: null }, outOfMemory: false, lost: null };

/** A worker of its own that follows program `n` until it is killed. */
function startWorker(cell: CellPlan, n: number, code: string) {
  const { kubeconfig } = cluster;
  const orders = { kubeconfig, namespace: namespace.name, instance, cell, n, program: callOf(cell, code) };
  const path = fileURLToPath(new URL("session-child.ts", import.meta.url));
  const child = spawn(process.execPath, [path, JSON.stringify(orders)], { stdio: ["ignore", "pipe", "inherit"] });
  let said = "";
  child.stdout.on("data", (chunk) => {
    said += chunk;
  });
  return { process: child, said: () => said };
}

describe.concurrent("a session in a pod", () => {
  test("of python keeps names, files and threads, and other programs have streams of their own", async ({ expect }) => {
    await using scene = await acquire({ language: "python" });
    const { call, script, run } = programsOf(scene.cell);
    expect(await call("x = 20; import threading, time")).toMatchObject({ ...fine, result: { status: "ok", call: 1 } });
    const shown = { status: "ok", call: 2, displays: [{ "text/plain": "21" }] };
    expect(await call("x + 1", 60, second)).toMatchObject({ ...fine, stdout: "", result: shown });
    const late = "threading.Thread(target=lambda: (time.sleep(1), print('late'), open('done', 'w').close())).start()";
    expect(await call(`print('now'); ${late}`)).toMatchObject({ ...fine, stdout: "now\n" });
    const files = [{ name: "data/a", content: "first" }];
    expect(await run({ code: "print(open('data/a').read(), input())", files, stdin: "s" })).toMatchObject({
      stdout: "first s\n",
      outcome: succeeded,
    });
    const second_ = [{ name: "data/a", content: "second" }];
    const read = 'until [ -e done ]; do sleep 0.1; done; cat data/a; ls -A; echo "$1"';
    const answer = await script(read, { files: second_, args: ["x y"], outputs: ["data/*"] }, second);
    expect(answer).toMatchObject({
      stdout: "seconddata\ndone\nmain.py\nx y\n",
      files: { "data/a": "second" },
      stderr: "",
    });
    expect(answer.outcome).toMatchObject({ ...succeeded, filesOmitted: [] });
    expect(answer.outcome.kernelResult).toBeUndefined();
    const big = "import sys; sys.stdout.write('ab\\r\\n' * 250_000); sys.stderr.write('e' * 99_999)";
    expect(await call(big)).toMatchObject({ stdout: `late\n${"ab\r\n".repeat(250_000)}`, stderr: "e".repeat(99_999) });
    const link = await script("ln -s /tmp out; ln -s /tmp/x file; echo x >/tmp/x");
    expect(link.outcome).toMatchObject(succeeded);
    await expect(script("echo ran", { files: [{ name: "out/a", content: "x" }] })).rejects.toMatchObject({
      code: "invalid-request",
      message: expect.stringContaining("out: a symbolic link"),
    });
    const own = await script("ls /tmp | grep -v kgents; cat /tmp/x", {
      files: [{ name: "file", content: "own" }],
      outputs: ["file", "out/*"],
    });
    expect(own).toMatchObject({ stdout: "x\nx\n", files: { file: "own" } });
    expect(await call("x")).toMatchObject({ ...fine, result: { displays: [{ "text/plain": "20" }] } });
  });

  test.for([
    ["javascript", "let x = 20", "console.log(x + 1)"],
    ["typescript", "let x: number = 20", "console.log(x + 1 as number)"],
    ["bash", "x=20", "echo $((x + 1))"],
  ])("of %s keeps names, and an interrupt ends what runs", async ([language, set = "", print = ""], { expect }) => {
    await using scene = await acquire({ language });
    const { cell } = scene;
    const { call, next } = programsOf(cell);
    expect(await call(set)).toMatchObject({ ...fine, result: { call: 1 } });
    const n = next();
    const loop = language === "bash" ? "echo begun; sleep 600" : "console.log('begun'); while (true) {}";
    const running = follow(first, cell, n, callOf(cell, loop));
    await expect.poll(() => running.output().stdout, { timeout: 60_000 }).toBe("begun\n");
    expect(await second.interrupt(cell, n)).toBe(true);
    const outcome = await running.outcome;
    expect(endOf({ outcome, ...running.output(), files: {} })).toMatchObject({
      code: 130,
      result: { status: "interrupted" },
    });
    expect(outcome.stoppedBy).toBeUndefined();
    expect(await second.interrupt(cell, n)).toBe(false);
    expect(await call(print)).toMatchObject({ ...fine, stdout: "21\n", result: { call: 3 } });
  });

  test("interrupts what must stop, and kills everything only if that does not help", async ({ expect }) => {
    await using scene = await acquire({ language: "python" });
    const { cell } = scene;
    const { call, next, script, run } = programsOf(cell);
    await call("import signal, subprocess, time; x = 5; p = subprocess.Popen(['setsid', 'sleep', '4711'])");
    const late = await call("print('begun'); time.sleep(600)", 2);
    expect(late).toMatchObject({ code: 130, stdout: "begun\n", stoppedBy: "interrupt", result: { call: 2 } });
    const stopped = follow(first, cell, next(), callOf(cell, "print('begun'); time.sleep(600)"));
    await expect.poll(() => stopped.output().stdout, { timeout: 60_000 }).toBe("begun\n");
    stopped.stop("cancelled");
    expect(await stopped.outcome).toMatchObject({ exit: { code: 130 }, stopped: null, stoppedBy: "interrupt" });
    expect(await call("print(x, p.poll())")).toMatchObject({ ...fine, stdout: "5 None\n", result: { call: 4 } });
    const deaf = "signal.signal(signal.SIGINT, signal.SIG_IGN); print('begun'); time.sleep(600)";
    const killed = await runProgram(first, cell, next(), callOf(cell, deaf, 2));
    expect(killed).toMatchObject({ stdout: "begun\n", outcome: { lost: null, stoppedBy: "kill" } });
    expect(killed.outcome).toMatchObject({ stopped: { reason: "timed-out" }, kernelResult: { absent: "none" } });
    expect(await call("print('x' in dir())")).toMatchObject({ ...fine, stdout: "False\n", result: { call: 1 } });
    expect((await script("cat /proc/[0-9]*/cmdline | tr '\\0' ' ' | grep -c 'sleep [4]711'")).stdout).toBe("0\n");
    // A program with processes of its own, stopped by a worker.
    const deafProcess = follow(
      first,
      cell,
      next(),
      scriptOf("trap '' INT; echo begun; sleep 600; sleep 600", { timeout: 60 }),
    );
    await expect.poll(() => deafProcess.output().stdout, { timeout: 60_000 }).toBe("begun\n");
    deafProcess.stop("cancelled");
    expect(await deafProcess.outcome).toMatchObject({ exit: { code: 137 }, stoppedBy: "kill" });
    const interrupted = await run({ code: "import time; time.sleep(600)", timeout: 1 });
    expect(interrupted.stderr).toContain("KeyboardInterrupt");
    expect(interrupted.outcome).toMatchObject({ stopped: { reason: "timed-out" }, stoppedBy: "interrupt" });
    expect(await call("7")).toMatchObject({ ...fine, result: { call: 1 } });
  });

  test("goes on when a worker is killed within a call; each program is started once", async ({ expect }) => {
    await using scene = await acquire({ language: "python" });
    const { cell } = scene;
    const { call, next, script } = programsOf(cell);
    await call("import os, time; x = 5");
    const n = next();
    const code =
      "print('begun', flush=True)\nwhile not os.path.exists('go'): time.sleep(0.1)\nopen('starts', 'a').write('start\\n')\nx + 1";
    const worker = startWorker(cell, n, code);
    await expect.poll(worker.said, { timeout: 60_000 }).toBe("begun\n");
    worker.process.kill("SIGKILL");
    const [one, other] = [first, second].map((provider) => follow(provider, cell, n, callOf(cell, code)));
    await expect.poll(() => one?.output().stdout, { timeout: 60_000 }).toBe("begun\n");
    const pod = (await namespace.kubectl("get", "pods", "-l", `job-name=${cell.cellId}`, "-o", "name")).trim();
    await namespace.kubectl("exec", pod, "--", "touch", "/work/go");
    for (const each of [one, other]) {
      const outcome = await each?.outcome;
      expect(outcome).toMatchObject({
        ...succeeded,
        kernelResult: { text: expect.stringContaining('"text/plain": "6"') },
      });
      expect(each?.output().stdout).toBe("begun\n");
    }
    expect((await script("cat starts")).stdout).toBe("start\n");
    expect(await call("x")).toMatchObject({ ...fine, result: { call: 3, displays: [{ "text/plain": "5" }] } });
  });

  test("has a new kernel after one that ran out of memory or was killed", async ({ expect }) => {
    await using scene = await acquire({ language: "python", memory: "64Mi" });
    const { cell } = scene;
    const { call, next } = programsOf(cell);
    await call("x = 5");
    const { outcome } = await runProgram(first, cell, next(), callOf(cell, "b = bytearray(200 << 20)"));
    expect(outcome).toMatchObject({ outOfMemory: true, exit: { code: 137 }, kernelResult: { absent: "none" } });
    expect(await call("1")).toMatchObject({ ...fine, result: { call: 1 } });
    expect(await call("import os; os._exit(7)")).toMatchObject({ code: 7, result: { absent: "none" } });
    // All but the one that calls it: the call and the keeper of the kernel are gone, the kernel is not.
    expect(await call("os.kill(-1, 9)")).toMatchObject({ code: 1 });
    expect(await call("import os; os.kill(-1, 9)")).toMatchObject({ code: 137 });
    expect(await call("2")).toMatchObject({ ...fine, result: { call: 1 } });
  });
});
