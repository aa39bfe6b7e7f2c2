/** A worker that crashes leaves nothing behind, and code is started at most once. */
import { mkdir, mkdtemp, rm, utimes } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
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
    if (isRoot) await (await import("node:fs/promises")).chmod(home, 0o755);
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

  test("a sweep spares the cells of a worker that lives", async () => {
    const home = await mkdtemp(join(tmpdir(), "kgents-crash-"));
    if (isRoot) await (await import("node:fs/promises")).chmod(home, 0o755);
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
