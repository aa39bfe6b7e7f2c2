import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { describe, expect, inject, it } from "vitest";
import { KgentsError } from "#core/contract/error";
import { outcome, scriptedBackend } from "../support/scripted-backend.ts";
import { startTestWorker } from "../support/test-worker.ts";

const address = inject("temporalAddress");

it("trouble after the code was started is `lost` with the output so far, and never a second start", async () => {
  const backend = scriptedBackend("subprocess", {
    hostBound: true,
    execute: async (_plan, context) => {
      context.started();
      context.stdout.write("so far\n");
      throw new Error("the machine had trouble");
    },
  });
  await using worker = await startTestWorker(address, { backends: { subprocess: backend } });
  const result = await worker.run({ code: "x", retry: { maximumAttempts: 1 } });
  expect(result).toMatchObject({ status: "lost", stdout: { text: "so far\n" }, attempts: 1 });
  expect(result.reason).toContain("the machine had trouble");
  expect(backend.calls).toEqual(["provision", "execute", "cleanUp"]);
});

it("a failure that may pass, before the code was started, is tried again in the same cell", async () => {
  let tries = 0;
  const backend = scriptedBackend("subprocess", {
    hostBound: true,
    execute: () => {
      tries += 1;
      if (tries < 3) throw new KgentsError("cell-start", "not this time");
      return outcome();
    },
  });
  await using worker = await startTestWorker(address, { backends: { subprocess: backend } });
  expect(await worker.run({ code: "x" })).toMatchObject({ status: "succeeded", attempts: 1 });
  expect(backend.calls).toEqual(["provision", "execute", "execute", "execute", "cleanUp"]);
});

it("a cell of a cluster that did not start is not tried again: its Job is made once", async () => {
  const backend = scriptedBackend("kubernetes", {
    execute: () => {
      throw new KgentsError("cell-start", "the image has no shell");
    },
  });
  await using worker = await startTestWorker(address, { backends: { kubernetes: backend } });
  await expect(worker.run({ code: "x" })).rejects.toMatchObject({ code: "cell-start" });
  expect(backend.calls).toEqual(["provision", "execute", "cleanUp"]);
});

it("a full worker leaves the crowd to one that has places", async () => {
  const taskQueue = `full-${randomUUID()}`;
  const ended = new AbortController();
  const slow = scriptedBackend("subprocess", {
    hostBound: true,
    execute: async (_plan, { stop }) => {
      if (!ended.signal.aborted) await Promise.race([once(ended.signal, "abort"), once(stop, "abort")]);
      return outcome();
    },
  });
  const quick = scriptedBackend("subprocess", { hostBound: true });
  await using full = await startTestWorker(address, {
    backends: { subprocess: slow },
    taskQueue,
    configuration: { worker: { maximumCells: 1 } },
  });
  const first = await full.start({ code: "x" });
  await expect.poll(() => slow.calls).toContain("execute");
  // Some wait for the full worker, which took them before the other started; the rest must not.
  const crowd = await Promise.all(Array.from({ length: 12 }, () => full.start({ code: "x" })));
  await using idle = await startTestWorker(address, { backends: { subprocess: quick }, taskQueue });
  await expect
    .poll(() => quick.calls.filter((call) => call === "cleanUp").length, { timeout: 20_000 })
    .toBeGreaterThanOrEqual(10);
  ended.abort();
  const results = await Promise.all([first, ...crowd].map((handle) => handle.result()));
  expect(results.map(({ status }) => status)).toEqual(Array.from({ length: 13 }, () => "succeeded"));
  void idle;
});

describe("output of several starts", () => {
  it("is complete where earlier starts were silent", async () => {
    let starts = 0;
    const text = "x".repeat(3 * 2 ** 20);
    const backend = scriptedBackend("subprocess", {
      execute: (_plan, { stdout }) => {
        starts += 1;
        if (starts < 3) return outcome({ exit: { code: 1, signal: null } });
        stdout.write(text);
        return outcome();
      },
    });
    await using worker = await startTestWorker(address, { backends: { subprocess: backend } });
    const handle = await worker.start({ code: "x", retry: { maximumAttempts: 3 } });
    let bytes = 0;
    for await (const event of handle.output()) {
      if (event.type !== "output") throw new Error("bytes were omitted");
      bytes += event.bytes.length;
    }
    expect(bytes).toBe(text.length);
    expect(await handle.result()).toMatchObject({ attempts: 3, stdout: { truncated: true, bytes: text.length } });
  });
});
