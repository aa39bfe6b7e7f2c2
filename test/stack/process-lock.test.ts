import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { identifyProcess } from "#platform/host/process-identity";
import { acquireLock, claimSlot, tryLock } from "#platform/host/process-lock";
import { deadProcess } from "./support.ts";

let directory: string;
let path: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "kgents-lock-"));
  path = join(directory, "test.lock");
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const contender = (...args: string[]): ChildProcess =>
  spawn(process.execPath, [join(import.meta.dirname, "lock-contender.mjs"), ...args], {
    stdio: ["ignore", "pipe", "inherit"],
  });

describe("a lock", () => {
  test("is held by one at a time, and leaves nothing behind", async () => {
    const first = await tryLock(path);
    const second = await tryLock(path);
    expect(first.lock).toBeDefined();
    expect(second.holder).toEqual(await identifyProcess().then((own) => expect.objectContaining(own)));
    await first.lock?.release();
    const third = await tryLock(path);
    expect(third.lock).toBeDefined();
    await third.lock?.release();
    expect(await readdir(directory)).toEqual([]);
  });

  test("keeps processes apart that read, change and write one file", async () => {
    const counter = join(directory, "counter");
    await writeFile(counter, "0");
    const contenders = [1, 2, 3, 4].map(() => contender("count", path, counter, "50"));
    const codes = await Promise.all(contenders.map(async (child) => (await once(child, "exit"))[0]));
    expect(codes).toEqual([0, 0, 0, 0]);
    expect(await readFile(counter, "utf8")).toBe("200");
  });

  test("wakes who waits as soon as it is given free", async () => {
    const { lock } = await tryLock(path);
    const waiting = acquireLock(path, { waitMilliseconds: 10_000 });
    await new Promise((resolve) => setTimeout(resolve, 50));
    const released = performance.now();
    await lock?.release();
    await (await waiting).release();
    expect(performance.now() - released).toBeLessThan(150);
  });

  test("is waited for no longer than asked, and says who holds it", async () => {
    await using _lock = await acquireLock(path, { waitMilliseconds: 0 });
    await expect(acquireLock(path, { waitMilliseconds: 100 })).rejects.toMatchObject({
      code: "stack-start",
      message: expect.stringContaining(`process ${process.pid} holds ${path}`),
    });
  });
});

describe("a lock left behind is seen through", () => {
  const cases: [string, () => Promise<Record<string, string>>][] = [
    ["its holder is dead", async () => ({ "test.lock": holder(await deadProcess(), "1", "a") })],
    ["its process id was given to another process", async () => ({ "test.lock": holder(process.pid, "1", "a") })],
    ["a power cut left it empty", async () => ({ "test.lock": "" })],
    ["it holds something else", async () => ({ "test.lock": '{"pid":"many"}' })],
    [
      "its successor died before it had replaced it",
      async () => ({
        "test.lock": holder(await deadProcess(), "1", "a"),
        "test.lock.a.claim": holder(await deadProcess(), "1", "b"),
        "test.lock.b.claim": holder(await deadProcess(), "1", "c"),
      }),
    ],
  ];
  test.each(cases)("%s", async (_, files) => {
    for (let round = 0; round < 20; round += 1) {
      for (const [name, text] of Object.entries(await files())) await writeFile(join(directory, name), text);
      const attempts = await Promise.all(Array.from({ length: 8 }, () => tryLock(path)));
      const locks = attempts.flatMap(({ lock }) => lock ?? []);
      expect(locks).toHaveLength(1);
      await locks[0]?.release();
      expect(await readdir(directory)).toEqual([]);
    }
  });

  test("what others left that died while they tried goes, too", async () => {
    await writeFile(join(directory, `test.lock.${await deadProcess()}-x.draft`), "");
    await writeFile(join(directory, "test.lock.old.claim"), holder(await deadProcess(), "1", "z"));
    await writeFile(path, holder(await deadProcess(), "1", "a"));
    const { lock } = await tryLock(path);
    expect(await readdir(directory)).toEqual(["test.lock"]);
    await lock?.release();
  });
});

describe("a slot", () => {
  test("is the lowest that nobody holds", async () => {
    const slots = [await claimSlot(directory), await claimSlot(directory), await claimSlot(directory)];
    expect(slots.map(({ slot }) => slot)).toEqual([0, 1, 2]);
    await slots[1]?.release();
    expect((await claimSlot(directory)).slot).toBe(1);
  });

  test("goes from a process that was killed to the next one", async () => {
    const child = contender("slot", directory);
    const taken = await new Promise((resolve) => child.stdout?.once("data", (data) => resolve(String(data).trim())));
    expect(taken).toBe("0");
    expect((await claimSlot(directory)).slot).toBe(1);
    child.kill("SIGKILL");
    await once(child, "exit");
    expect((await claimSlot(directory)).slot).toBe(0);
  });
});

const holder = (pid: number, startTime: string, token: string): string => JSON.stringify({ pid, startTime, token });
