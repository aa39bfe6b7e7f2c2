/** A worker that crashes leaves nothing behind, and code is started at most once. */
import { chmod, mkdir, mkdtemp, rm, utimes } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { childrenOf } from "#cells/subprocess/lasting/kill-children";
import { identifyProcess, isRunning } from "#platform/host/process-identity";
import { cellsIn, groupsOf, mountsWith, processesWith } from "./helpers/leftovers.ts";
import { isRoot } from "./helpers/tools.ts";
import { everyone, startWorker } from "./helpers/worker.ts";

const until = async (condition: () => Promise<boolean>, what: string): Promise<void> => {
  // An emulated machine (test/machine) is slow.
  const deadline = Date.now() + 60_000;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`not within 60 s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
};

describe.each(everyone)("crash, as %s", (who) => {
  test("kill -9 of the worker leaves no process, and the sweep nothing else", async () => {
    const home = await mkdtemp(join(tmpdir(), "kgents-crash-"));
    if (isRoot) await chmod(home, 0o755);
    const stateDirectory = join(home, "cells");
    const first = await startWorker(who, { stateDirectory });
    const code = "setsid sleep 65431 & trap '' TERM INT HUP; (sleep 65432; sleep 65432)& sleep 65433";
    const running = Promise.allSettled([1, 2, 3].map(() => first.run({ code, language: "sh" })));
    await until(async () => (await processesWith("sleep 6543")).length >= 9, "the code runs");
    const { pid } = first.process;
    await first.crash();
    await running;
    await until(async () => (await processesWith("sleep 6543")).length === 0, "the code is gone");
    await until(async () => (await processesWith(stateDirectory)).length === 0, "bubblewrap is gone");
    expect(await cellsIn(stateDirectory)).not.toEqual([]);
    const second = await startWorker(who, { stateDirectory });
    try {
      expect(await second.sweep()).toBe(3);
      expect(await cellsIn(stateDirectory)).toEqual([]);
      expect(await groupsOf(pid)).toEqual([]);
      expect(await mountsWith(stateDirectory)).toEqual([]);
      expect(await second.sweep()).toBe(0);
    } finally {
      await second.close();
      await first.close();
      await rm(home, { recursive: true, force: true });
    }
  });

  test("kill -9 of the worker within a program, and between two, leaves nothing of cells with many programs", async () => {
    const home = await mkdtemp(join(tmpdir(), "kgents-crash-"));
    if (isRoot) await chmod(home, 0o755);
    const stateDirectory = join(home, "cells");
    const first = await startWorker(who, { stateDirectory });
    const request = { code: "echo one >kept", language: "sh" };
    const [between, within] = [await first.acquire(request), await first.acquire(request)];
    for (const cell of [between, within]) expect((await cell.run(1, request)).outcome?.exit?.code).toBe(0);
    const mark = who === "root" ? "65441" : "65442";
    const running = Promise.allSettled([within.run(2, { code: `setsid sleep ${mark} & sleep ${mark}` })]);
    await until(async () => (await processesWith(`sleep ${mark}`)).length >= 2, "the code runs");
    const { pid = 0 } = first.process;
    const inside = childrenOf(pid).flatMap((bubblewrap) => [bubblewrap, ...childrenOf(bubblewrap)]);
    expect(inside.length).toBeGreaterThanOrEqual(4);
    const processes = await Promise.all(inside.map(identifyProcess));
    await first.crash();
    await running;
    await until(async () => (await processesWith(`sleep ${mark}`)).length === 0, "the code is gone");
    await until(async () => !(await Promise.all(processes.map(isRunning))).includes(true), "the sandboxes are gone");
    const second = await startWorker(who, { stateDirectory });
    try {
      const next = (cellId: string, n: number) =>
        second.acquire(request, { cellId }).then((cell) => cell.run(n, request));
      expect((await next(within.cellId, 2)).outcome?.lost).toContain("started before");
      expect(await second.sweep()).toBe(2);
      // It keeps a launcher of its own ready.
      const left = (await cellsIn(stateDirectory)).filter((name) => !name.startsWith(`${second.process.pid}-`));
      expect(left).toEqual([]);
      expect(await groupsOf(pid)).toEqual([]);
      expect(await mountsWith(stateDirectory)).toEqual([]);
    } finally {
      await second.close();
      await first.close();
      await rm(home, { recursive: true, force: true });
    }
  });

  test("the next program of a cell whose worker is gone is lost, not run in a new sandbox", async () => {
    const home = await mkdtemp(join(tmpdir(), "kgents-crash-"));
    if (isRoot) await chmod(home, 0o755);
    const stateDirectory = join(home, "cells");
    const first = await startWorker(who, { stateDirectory });
    const request = { code: "echo ran", language: "sh" };
    const { cellId, run } = await first.acquire(request);
    expect((await run(1, request)).stdout.toString()).toBe("ran\n");
    await first.crash();
    const second = await startWorker(who, { stateDirectory });
    try {
      const cell = await second.acquire(request, { cellId });
      expect(await cell.run(2, request)).toMatchObject({ outcome: { lost: expect.stringContaining("is gone") } });
      await cell.remove();
      expect(await cellsIn(stateDirectory)).not.toContain(cellId);
      await second.sweep();
    } finally {
      await second.close();
      await first.close();
    }
    expect(await cellsIn(stateDirectory)).toEqual([]);
    await rm(home, { recursive: true, force: true });
  });

  test("a sweep spares the cells of a worker that lives", async () => {
    const home = await mkdtemp(join(tmpdir(), "kgents-crash-"));
    if (isRoot) await chmod(home, 0o755);
    const stateDirectory = join(home, "cells");
    const first = await startWorker(who, { stateDirectory });
    const second = await startWorker(who, { stateDirectory });
    const running = first.run({ code: "sleep 3.71; echo alive", language: "sh" });
    // Identified by its duration, because other tests' programs also sleep.
    await until(async () => (await processesWith("sleep 3.71")).length > 0, "the code runs");
    expect(await second.sweep()).toBe(0);
    expect((await running).stdout.toString()).toBe("alive\n");
    await first.close();
    await second.close();
    await rm(home, { recursive: true, force: true });
  });

  test("code is started at most once for a cell", async () => {
    const worker = await startWorker(who);
    const request = { code: "echo started", language: "sh" };
    expect((await worker.executeAgain(request, "never-provisioned")).outcome?.lost).toContain("gone");
    const running = worker.run({ code: "sleep 3.72; echo started", language: "sh" }, { cellId: "twice" });
    await until(async () => (await processesWith("sleep 3.72")).length > 0, "the code runs");
    const again = await worker.executeAgain(request, "twice");
    expect(again.outcome?.lost).toContain("started before");
    expect(again.stdout.toString()).toBe("");
    expect((await running).stdout.toString()).toBe("started\n");
    await worker.close();
  });

  test("a cell that was provisioned long ago and never started is swept", async () => {
    const worker = await startWorker(who);
    for (const [name, hours] of [
      ["old", 2],
      ["new", 0],
    ] as const) {
      await mkdir(join(worker.stateDirectory, name));
      const time = new Date(Date.now() - hours * 3_600_000);
      await utimes(join(worker.stateDirectory, name), time, time);
    }
    expect(await worker.sweep()).toBe(1);
    expect(await cellsIn(worker.stateDirectory)).toEqual(["new"]);
    await worker.close();
  });
});
