/** Several programs in one cell, by providers of several workers. */
import { randomUUID } from "node:crypto";
import { setTimeout as wait } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { CellPlan } from "#cells/cell-plan";
import type { CellProvider } from "#cells/provider";
import type { CellShape } from "#core/contract/cell-shape";
import { KgentsError } from "#core/contract/error";
import type { ExecutionRequest } from "#core/contract/request";
import { acquireCell, follow, programFrom, runProgram } from "./cell-programs.ts";
import { type CellNamespace, createBackend, openTwoProviders } from "./support.ts";

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

/** Acquires a cell of many programs, and removes it at the end. */
const acquire = (request: ExecutionRequest = {}, change: Partial<CellShape> = {}) =>
  acquireCell(first, { language: "sh", ...request }, { programs: "many", ...change });

/** Runs a program to its end. */
const run = (cell: CellPlan, n: number, request: ExecutionRequest, provider = first) =>
  runProgram(provider, cell, n, programFrom(request));

const succeeded = { exit: { code: 0, signal: null }, outOfMemory: false, lost: null };
const isFinished = async (cell: CellPlan): Promise<boolean | undefined> => (await first.find(cell.cellId))?.finished;

describe.concurrent("programs of one cell", () => {
  test("run one after another; files stay and nothing else does", async () => {
    await using scene = await acquire();
    const { cell } = scene;
    const one = await run(cell, 1, {
      code: 'cat; printf "out\\000" ; echo "err $A $1" >&2; export B=b; echo kept >file; echo too >"$TMPDIR/file"; exit 3',
      stdin: "input ",
      env: { A: "a" },
      args: ["x"],
      outputs: ["file"],
    });
    expect(one).toMatchObject({ stdout: "input out\0", stderr: "err a x\n", files: { file: "kept\n" } });
    expect(one.outcome).toMatchObject({ exit: { code: 3, signal: null }, lost: null });
    const two = await run(cell, 2, { code: 'cat; cat file "$TMPDIR/file"; echo "$A$B$1" >&2; sleep 300 &' }, second);
    expect(two).toMatchObject({ stdout: "kept\ntoo\n", stderr: "\n", outcome: succeeded });
    const three = await run(cell, 3, { code: "ls; ps -o args | grep -c '[s]leep 300'" });
    expect(three).toMatchObject({ stdout: "file\nmain.sh\n0\n", stderr: "" });
    expect(two.outcome.ranMilliseconds).toBeLessThan(30_000);
    await second.release(cell.cellId);
    await expect.poll(() => isFinished(cell)).toBe(true);
    await first.remove(cell.cellId);
    expect(await first.find(cell.cellId)).toBeNull();
  });

  test("are started once, however many workers ask, before, during and after", async () => {
    await using scene = await acquire();
    const { cell } = scene;
    for (const n of [1, 2, 3]) {
      const program = programFrom({ code: `echo ${n} >>starts; echo out; echo err >&2; sleep 2`, outputs: ["starts"] });
      const both = [first, second].map((provider) => follow(provider, cell, n, program));
      for (const each of both) expect(await each.outcome).toMatchObject(succeeded);
      const late = follow(second, cell, n, program);
      expect(await late.outcome).toMatchObject(succeeded);
      for (const each of [...both, late]) {
        expect(each.output()).toEqual({ stdout: "out\n", stderr: "err\n" });
        expect(each.files.starts).toBe(Array.from({ length: n }, (_, index) => `${index + 1}\n`).join(""));
      }
    }
    expect(await run(cell, 1, { code: "echo again >>starts" })).toMatchObject({
      outcome: { lost: expect.any(String) },
    });
    expect(await run(cell, 4, { code: "cat starts" })).toMatchObject({ stdout: "1\n2\n3\n" });
  });

  test("go on without their worker, and are followed from where it stood", async () => {
    await using scene = await acquire();
    const { cell } = scene;
    for (const n of [1, 2]) {
      const program = programFrom({
        code: `echo early; echo e >&2; until [ -e go${n} ]; do sleep 0.1; done; echo late; echo l >&2; echo ${n} >>starts`,
      });
      const abandoned = follow(first, cell, n, program);
      await expect.poll(() => abandoned.output(), { timeout: 120_000 }).toEqual({ stdout: "early\n", stderr: "e\n" });
      abandoned.stop("handed-over");
      await expect(abandoned.outcome).rejects.toThrow(KgentsError);
      const next = follow(second, cell, n, program, { stdout: 6, stderr: 2 });
      await expect.poll(() => next.startedAt()?.getTime()).toBe(abandoned.startedAt()?.getTime());
      const pod = (await namespace.kubectl("get", "pods", "-l", `job-name=${cell.cellId}`, "-o", "name")).trim();
      await namespace.kubectl("exec", pod, "--", "touch", `/work/go${n}`);
      expect(await next.outcome).toMatchObject({ ...succeeded, read: { stdout: 11, stderr: 4 } });
      expect(next.output()).toEqual({ stdout: "late\n", stderr: "l\n" });
    }
    // Between two programs: the worker that runs the next one has never seen the cell.
    const third = createBackend(namespace.name, { instance });
    expect(await run(cell, 3, { code: "cat starts" }, third)).toMatchObject({ stdout: "1\n2\n", outcome: succeeded });
    await third.close();
  });

  test("have limits and results of their own: time, output, files, signals", async () => {
    await using scene = await acquire({ disk: "16Mi" });
    const { cell } = scene;
    const late = await run(cell, 1, { code: "echo partial; sleep 600", timeout: 2 });
    expect(late).toMatchObject({ stdout: "partial\n", outcome: { stopped: { reason: "timed-out" } } });
    expect(await run(cell, 2, { code: "sleep 3; echo on", timeout: 60 })).toMatchObject({
      stdout: "on\n",
      outcome: succeeded,
    });
    const full = await run(cell, 3, { code: "head -c 20000000 /dev/zero >big; sleep 600", timeout: 60 });
    expect(full.outcome).toMatchObject({ stopped: { reason: "disk-limit" } });
    expect((await run(cell, 4, { code: "rm big; kill -SEGV $$" })).outcome).toMatchObject({
      exit: { code: 139, signal: "SIGSEGV" },
    });
    const stopped = follow(first, cell, 5, programFrom({ code: "echo up; sleep 600" }));
    await expect.poll(() => stopped.output().stdout, { timeout: 60_000 }).toBe("up\n");
    stopped.stop("cancelled");
    expect((await stopped.outcome).exit).toEqual({ code: 137, signal: "SIGKILL" });
    expect(await run(cell, 6, { code: "echo on" })).toMatchObject({ stdout: "on\n", outcome: succeeded });
  });

  test("run out of memory each for itself", async () => {
    await using scene = await acquire({ memory: "64Mi", language: "python" });
    const { cell } = scene;
    const python = (code: string, n: number) => run(cell, n, { code, language: "python" });
    const before = await python("print(1)", 1);
    expect(before.outcome).toMatchObject(succeeded);
    const killed = await python("b = bytearray(200 << 20)", 2);
    expect(killed.outcome).toMatchObject({ outOfMemory: true, exit: { code: 137 } });
    const after = await python("import sys, time; print(3); time.sleep(0.2); sys.exit(9)", 3);
    expect(after).toMatchObject({ stdout: "3\n", outcome: { exit: { code: 9 }, outOfMemory: false } });
    expect(after.outcome.usage.cpuSeconds).toBeLessThan(5);
    // Not higher than in the program before, so it is not known.
    expect(after.outcome.usage.peakMemoryBytes).toBeNull();
  });

  test("are refused while one runs, which goes on; a number may be left out", async () => {
    await using scene = await acquire();
    const { cell } = scene;
    const running = follow(first, cell, 1, programFrom({ code: "sleep 25; echo on" }));
    await expect.poll(() => running.startedAt(), { timeout: 120_000 }).toBeDefined();
    await expect(follow(second, cell, 2, programFrom({ code: "echo two" })).outcome).rejects.toThrow("has not ended");
    expect(await running.outcome).toMatchObject(succeeded);
    expect(running.output().stdout).toBe("on\n");
    expect(await run(cell, 4, { code: "echo four" })).toMatchObject({ stdout: "four\n", outcome: succeeded });
    expect((await run(cell, 3, { code: "echo three >>starts" })).outcome.lost).toEqual(expect.any(String));
    expect(await run(cell, 5, { code: "ls" })).toMatchObject({ stdout: "main.sh\n" });
  });

  test("cannot be delivered where an earlier one has put something else, and say so at once", async () => {
    await using scene = await acquire();
    const { cell } = scene;
    await run(cell, 1, { code: "mkdir -p data/in/it" });
    const began = Date.now();
    await expect(run(cell, 2, { code: "true", files: [{ name: "data", content: "x" }] })).rejects.toThrow(/data/);
    expect(Date.now() - began).toBeLessThan(20_000);
    expect(await run(cell, 3, { code: "echo on" })).toMatchObject({ stdout: "on\n" });
  });

  test("end with the lifetime of their cell", async () => {
    await using scene = await acquire({}, { lifetime: 40_000 });
    const { cell } = scene;
    expect(await run(cell, 1, { code: "echo on" })).toMatchObject({ outcome: succeeded });
    const cut = await run(cell, 2, { code: "sleep 600", timeout: 600 });
    expect(cut.outcome).toMatchObject({
      stopped: { reason: "timed-out", detail: expect.stringContaining("lifetime") },
    });
    await wait(1000);
    await expect(run(cell, 3, { code: "true" })).rejects.toThrow("lifetime");
  });

  test("forge no later one", async () => {
    await using scene = await acquire();
    const { cell } = scene;
    const forge = "cd /run/kgents; mkdir -p 2/started; mkfifo 2/go; echo '0 exit ' >2/exit; echo 7 >current; echo x >7";
    await run(cell, 1, { code: forge });
    expect(await run(cell, 2, { code: "echo two; ls /run/kgents" })).toMatchObject({ stdout: "two\n2\ncurrent\n" });
    const faked = follow(
      first,
      cell,
      3,
      programFrom({ code: "echo '0 exit ' >/run/kgents/3/exit; sleep 600", timeout: 5 }),
    );
    expect((await faked.outcome).lost).toBeNull();
    expect(await run(cell, 4, { code: "echo four" })).toMatchObject({ stdout: "four\n", outcome: succeeded });
  });
});
