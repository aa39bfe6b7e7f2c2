/** Programs of a session: a kernel and other processes stay between them. */
import { readdir } from "node:fs/promises";
import { afterAll, describe, expect, test } from "vitest";
import type { ExecutionRequest } from "#core/contract/request";
import { checkAnswer } from "../support/programs.ts";
import { brokenArtifact, type RunAnswer, type RunSettings } from "../support/run-on-provider.ts";
import { endWithoutLeftovers, processesWith } from "./helpers/leftovers.ts";
import { everyone, startWorker, type TestWorker } from "./helpers/worker.ts";

interface Session {
  /** Evaluates code in the kernel. */
  readonly call: (code: string, more?: Partial<RunSettings> & { timeout?: number }) => Promise<RunAnswer>;
  /** Runs a script of the shell. */
  readonly script: (script: string, request?: Partial<ExecutionRequest>) => Promise<RunAnswer>;
  /** Runs a file in a process of its own. */
  readonly run: (request: ExecutionRequest, more?: Partial<RunSettings>) => Promise<RunAnswer>;
  readonly cellId: string;
}

/** Runs programs of a session, and removes its cell. */
async function inSession(worker: TestWorker, shape: ExecutionRequest, use: (session: Session) => Promise<void>) {
  const cell = await worker.acquire({ code: ":", cpu: 2, memory: "512Mi", ...shape }, { programs: "session" });
  expect(cell.refused).toBeUndefined();
  let n = 0;
  const next: Session["run"] = (request, more) => cell.run(++n, request, more);
  try {
    await use({
      call: (code, { timeout = 60, ...more } = {}) => next({ code, timeout }, { ...more, change: { kernel: true } }),
      script: (script, request) => next({ code: ":", ...request }, { change: { script } }),
      run: next,
      cellId: cell.cellId,
    });
  } finally {
    await cell.remove();
  }
}

/** What a call came to. */
function endOf({ outcome, stdout, stderr }: RunAnswer) {
  const said = outcome?.kernelResult;
  return {
    code: outcome?.exit?.code,
    lost: outcome?.lost,
    stdout: stdout.toString(),
    stderr: stderr.toString(),
    stoppedBy: outcome?.stoppedBy,
    result: said !== undefined && "text" in said ? JSON.parse(said.text) : said,
  };
}

const fine = { code: 0, lost: null, stderr: "", stoppedBy: undefined };

describe.each(everyone)("a session, as %s", (who) => {
  const started = startWorker(who);
  afterAll(async () => endWithoutLeftovers(await started));

  test.each([
    ["python", "x = 20", "x + 1", "print(x)"],
    ["javascript", "let x = 20", "x + 1", "console.log(x)"],
    ["typescript", "let x: number = 20", "x + 1 as number", "console.log(x)"],
  ])("keeps names of %s between calls", async (language, set, value, print) => {
    await inSession(await started, { language }, async ({ call }) => {
      expect(endOf(await call(set))).toMatchObject({ ...fine, stdout: "", result: { status: "ok", call: 1 } });
      const shown = { status: "ok", call: 2, displays: [{ "text/plain": "21" }] };
      expect(endOf(await call(value))).toMatchObject({ ...fine, stdout: "", result: shown });
      expect(endOf(await call(print))).toMatchObject({ ...fine, stdout: "20\n", result: { call: 3 } });
    });
  });

  test("keeps names of bash, and what runs in the background, whose output is that of the next call", async () => {
    await inSession(await started, { language: "bash" }, async ({ call, script }) => {
      expect(endOf(await call("x=20; f() { echo $((x + 1)); }"))).toMatchObject({ ...fine, result: { call: 1 } });
      // It holds the streams of its call open, and writes to them when the call has ended.
      const code = "(trap '' PIPE; while :; do echo dot; sleep 0.1; done) & echo begun; (sleep 0.5; touch late) &";
      expect(endOf(await call(code))).toMatchObject({
        ...fine,
        stdout: expect.stringMatching(/^begun\n|^dot\nbegun\n/),
      });
      expect(endOf(await script("until [ -e late ]; do sleep 0.1; done; echo $1", { args: ["x y"] }))).toMatchObject({
        ...fine,
        stdout: "x y\n",
        result: undefined,
      });
      expect(endOf(await call("f; kill %1 && echo killed"))).toMatchObject({
        ...fine,
        stdout: "21\nkilled\n",
      });
      const interrupted = await call("echo begun; sleep 600", { interruptAt: "begun" });
      expect(endOf(interrupted)).toMatchObject({ code: 130, result: { status: "interrupted" } });
      expect(endOf(await call("f"))).toMatchObject({ ...fine, stdout: "21\n" });
    });
  });

  test("has streams, files and processes of their own for each program, while the kernel lives", async () => {
    const big = "import sys, threading, time\nsys.stdout.write('ab\\r\\n' * 500_000); sys.stderr.write('e' * 99_999)";
    await inSession(await started, { language: "python" }, async ({ call, run, script }) => {
      const wrote = endOf(await call(big));
      expect(wrote).toMatchObject({ stdout: "ab\r\n".repeat(500_000), stderr: "e".repeat(99_999) });
      const late =
        "t = threading.Thread(target=lambda: (time.sleep(0.3), print('late'), open('done', 'w').close())); t.start()";
      expect(endOf(await call(late))).toMatchObject({ ...fine, stdout: "" });
      const files = [{ name: "data/in/a.txt", content: "first" }];
      checkAnswer(await run({ code: "print(open('data/in/a.txt').read())", files, stdin: "s" }), { stdout: "first\n" });
      const changed = [{ name: "data/in/a.txt", content: "second" }];
      const read = "until [ -e done ]; do sleep 0.1; done; cat data/in/a.txt; ls";
      const answer = await script(read, { files: changed, outputs: ["data/**"] });
      checkAnswer(answer, { stdout: "seconddata\ndone\nmain.py\n", files: { "data/in/a.txt": "second" } });
      expect(endOf(await call("open('data/in/a.txt').read()"))).toMatchObject({
        ...fine,
        stdout: "late\n",
        result: { call: 3, displays: [{ "text/plain": "'second'" }] },
      });
    });
  });

  test("delivers and collects nothing through a symbolic link", async () => {
    await inSession(await started, { language: "sh" }, async ({ run, script }) => {
      checkAnswer(
        await run({ code: "ln -s /tmp out; mkdir in; ln -s /tmp in/out; ln -s /tmp/x file; echo x >/tmp/x" }),
        {},
      );
      for (const name of ["out/a", "in/out/b/c"]) {
        const refused = await script("echo ran", { files: [{ name, content: "x" }] });
        expect(refused.error).toMatchObject({
          code: "invalid-request",
          message: expect.stringContaining("symbolic link"),
        });
        expect(refused.stdout.toString()).toBe("");
      }
      const answer = await script("ls /tmp; cat /tmp/x; ls -l file | cut -c1", {
        files: [{ name: "file", content: "own" }],
        outputs: ["**", "out/x"],
      });
      checkAnswer(answer, { stdout: "x\nx\n-\n", files: { file: "own", "main.sh": expect.anything() }, omitted: true });
    });
  });

  test("an interrupt ends what runs, and the kernel lives", async () => {
    await inSession(await started, { language: "python" }, async ({ call, run }) => {
      await call("x = 5");
      const interrupted = await call("print('begun')\nwhile True: pass", { interruptAt: "begun" });
      expect(interrupted.interrupted).toBe(true);
      expect(endOf(interrupted)).toMatchObject({
        code: 130,
        stdout: "begun\n",
        result: { status: "interrupted", call: 2 },
      });
      expect(interrupted.outcome?.stoppedBy).toBeUndefined();
      const process = await run(
        { code: "import time\nprint('begun')\ntime.sleep(600)", timeout: 60 },
        { interruptAt: "begun" },
      );
      expect(process.stderr.toString()).toContain("KeyboardInterrupt");
      expect(endOf(await call("print(x)"))).toMatchObject({ ...fine, stdout: "5\n", result: { call: 3 } });
    });
  });

  test("a time limit interrupts, and kills everything only if that does not help", { timeout: 90_000 }, async () => {
    const mark = who === "root" ? "76551" : "76552";
    await inSession(await started, { language: "python" }, async ({ call, script }) => {
      await call(`import subprocess, time; x = 5; p = subprocess.Popen(['setsid', 'sleep', '${mark}'])`);
      const late = await call("print('begun'); time.sleep(600)", { timeout: 1 });
      expect(endOf(late)).toMatchObject({ code: 130, stdout: "begun\n", stoppedBy: "interrupt", result: { call: 2 } });
      const cancelled = await call("print('begun'); time.sleep(600)", { stopAt: "begun" });
      expect(endOf(cancelled)).toMatchObject({ stdout: "begun\n", stoppedBy: "interrupt", result: { call: 3 } });
      expect(endOf(await call("print(x, p.poll())"))).toMatchObject({
        ...fine,
        stdout: "5 None\n",
        result: { call: 4 },
      });
      const deaf = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN); print('begun'); time.sleep(600)";
      const killed = await call(deaf, { timeout: 1 });
      expect(killed.outcome).toMatchObject({
        exit: null,
        lost: null,
        stoppedBy: "kill",
        kernelResult: { absent: "none" },
      });
      expect(killed.stdout.toString()).toBe("begun\n");
      expect(await processesWith(`sleep ${mark}`)).toEqual([]);
      const after = await call("print('x' in dir())");
      expect(endOf(after)).toMatchObject({ ...fine, stdout: "False\n", result: { call: 1 } });
      checkAnswer(await script("ls"), { stdout: "" });
    });
  });

  test("code that kills the kernel, all processes, or itself ends its call; the next one has a new kernel", async () => {
    await inSession(await started, { language: "python" }, async ({ call, run }) => {
      // The last one kills all processes but its own.
      const kills = ["os.kill(os.getpid(), 9)", "os._exit(7)", "os.kill(-1, 9)"];
      for (const [index, kill] of kills.entries()) {
        const { outcome } = await call(`import os; print('begun', flush=True); ${kill}`);
        expect(outcome).toMatchObject({ lost: null, outOfMemory: false, exit: { code: [137, 7, 137][index] } });
        if (index < 2) expect(outcome?.kernelResult).toEqual({ absent: "none" });
        expect(endOf(await call("1"))).toMatchObject({ ...fine, result: { call: 1 } });
      }
      checkAnswer(await run({ code: "import os; os.kill(os.getpid(), 9)" }), { code: 137, signal: "SIGKILL" });
      expect(endOf(await call("2"))).toMatchObject({ ...fine, result: { call: 2 } });
    });
  });

  test("a kernel that runs out of memory is gone, and the session goes on", async () => {
    const hasGroups = who === "root" || process.env.KGENTS_TEST_USER_GROUPS === "yes";
    await inSession(await started, { language: "python", memory: "96Mi" }, async ({ call, script }) => {
      await call("x = 5; open('kept', 'w').close()");
      const { outcome } = await call("b = []\nwhile True: b.append(bytearray(1 << 20))");
      if (hasGroups) {
        expect(outcome).toMatchObject({ outOfMemory: true, exit: { code: 137 }, kernelResult: { absent: "none" } });
        expect(endOf(await call("1"))).toMatchObject({ ...fine, result: { call: 1 } });
      } else expect(outcome).toMatchObject({ outOfMemory: false, exit: { code: 1 } });
      expect((await script("ls")).outcome).toMatchObject({ outOfMemory: false, exit: { code: 0 } });
    });
  });

  test("what a kernel says is bounded", async () => {
    await inSession(await started, { language: "python" }, async ({ call, run }) => {
      await call("import os; folder = os.readlink('/proc/self/fd/1').rsplit('/', 1)[0]");
      // The kernel writes its own over it, except where that is not possible.
      const forge = (n: number, text: string) =>
        `os.mkdir(f'/tmp/.kgents/${n}/result.new'); open(f'/tmp/.kgents/${n}/result', 'w').write(${text})`;
      expect((await call(forge(2, "'x' * (12 << 20)"))).outcome?.kernelResult).toEqual({ text: "x".repeat(12 << 20) });
      expect((await call(forge(3, "'x' * ((12 << 20) + 1)"))).outcome?.kernelResult).toEqual({ absent: "too-large" });
      expect((await call(forge(4, "'\\0' * 99"))).outcome?.kernelResult).toEqual({ absent: "none" });
      checkAnswer(await run({ code: "print(1)" }), { stdout: "1\n" });
    });
    // There is no room for what it shows.
    await inSession(await started, { language: "python", disk: "4Mi" }, async ({ call }) => {
      const big = "class Big:\n  def _repr_html_(self): return 'x' * 7_000_000\nBig()";
      const result = { status: "ok", displays: [], displaysOmitted: 1, call: 1 };
      expect(endOf(await call(big))).toMatchObject({ ...fine, result });
    });
  });

  test("each program is started once; no claim is taken twice", async () => {
    const worker = await started;
    const cell = await worker.acquire({ code: ":", language: "bash" }, { programs: "session" });
    const change = { kernel: true } as const;
    const both = await Promise.all([1, 1].map((n) => cell.run(n, { code: "echo on >>log; cat log" }, { change })));
    expect(both.filter(({ outcome }) => outcome?.lost === null).map(({ stdout }) => stdout.toString())).toEqual([
      "on\n",
    ]);
    expect((await cell.run(1, { code: "echo" }, { change })).outcome?.lost).toContain("started before");
    await cell.remove();
  });

  test("a program whose files do not come is not started, and costs the kernel nothing", async () => {
    await inSession(await started, { language: "python" }, async ({ call, run }) => {
      await call("x = 5");
      const files = [{ name: "big", content: { artifact: brokenArtifact, bytes: 900_000 } }];
      const broken = await run({ code: "print('ran')", files });
      expect({ error: broken.error?.code, stdout: broken.stdout.toString() }).toEqual({
        error: "cell-start",
        stdout: "",
      });
      expect(endOf(await call("print(x)"))).toMatchObject({ ...fine, stdout: "5\n", result: { call: 2 } });
    });
  });

  test("programs leave neither clocks in the sandbox nor descriptors in the worker", { timeout: 60_000 }, async () => {
    const worker = await started;
    const open = async (): Promise<number> => (await readdir(`/proc/${worker.process.pid}/fd`)).length;
    await inSession(worker, { language: "bash" }, async ({ call, script }) => {
      // Meanwhile the worker prepares what the next sandbox is made of.
      for (let n = 0; n < 10; n++) await call("echo out");
      const before = await open();
      for (let n = 0; n < 30; n++) await call("echo out");
      await expect.poll(open).toBeLessThanOrEqual(before + 2);
      // Each holds the streams of its call open, as do the processes of the latest 32 programs.
      for (let n = 0; n < 40; n++) await call("(trap '' PIPE; exec sleep 600) &");
      expect(await open()).toBeLessThanOrEqual(before + 66);
      const { stdout } = await script("cat /proc/[0-9]*/cmdline | tr '\\0' '\\n' | grep -c '^sleep'");
      // That of its own clock is the last one.
      expect(stdout.toString()).toBe("41\n");
      expect(endOf(await call("kill $(jobs -p); wait"))).toMatchObject({ result: { call: 81 } });
      await expect.poll(open).toBeLessThanOrEqual(before + 2);
    });
  });

  test("the clock inside ends everything while the worker stands still", { timeout: 60_000 }, async () => {
    const worker = await startWorker(who);
    const { pid } = worker.process;
    if (pid === undefined) throw new Error("the worker has no process");
    const mark = who === "root" ? "76553" : "76554";
    try {
      await inSession(worker, { language: "python" }, async ({ call }) => {
        await call("x = 5");
        const running = call(`import subprocess; subprocess.run(['sleep', '${mark}'])`, { timeout: 1 });
        await expect.poll(() => processesWith(`sleep ${mark}`)).not.toEqual([]);
        process.kill(pid, "SIGSTOP");
        await expect.poll(() => processesWith(`sleep ${mark}`), { timeout: 30_000 }).toEqual([]);
        process.kill(pid, "SIGCONT");
        const { outcome } = await running;
        expect(outcome).toMatchObject({ stopped: { reason: "timed-out" }, stoppedBy: "kill", lost: null });
        expect(endOf(await call("'x' in dir()"))).toMatchObject({ ...fine, result: { call: 1 } });
      });
    } finally {
      await worker.close();
    }
  });
});
