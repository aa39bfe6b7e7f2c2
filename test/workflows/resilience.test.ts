import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { describe, expect, inject, it } from "vitest";
import { KgentsError } from "#core/contract/error";
import { outcome, scriptedProvider } from "../support/scripted-provider.ts";
import { startTestWorker } from "../support/test-worker.ts";

const address = inject("temporalAddress");

it("trouble after the code was started is `lost` with the output so far, and never a second start", async () => {
  const backend = scriptedProvider("subprocess", {
    reach: "host",
    run: async (_program, context) => {
      context.started();
      context.stdout.write("so far\n");
      throw new Error("the machine had trouble");
    },
  });
  await using worker = await startTestWorker(address, { providers: { subprocess: backend } });
  const result = await worker.run({ code: "x", retry: { maximumAttempts: 1 } });
  expect(result).toMatchObject({ status: "lost", stdout: { text: "so far\n" }, attempts: 1 });
  expect(result.reason).toContain("the machine had trouble");
  expect(backend.calls).toEqual(["acquire", "run", "remove"]);
});

it("a failure that may pass, before the code was started, is tried again in the same cell", async () => {
  let tries = 0;
  const backend = scriptedProvider("subprocess", {
    reach: "host",
    run: () => {
      tries += 1;
      if (tries < 3) throw new KgentsError("cell-start", "not this time");
      return outcome();
    },
  });
  await using worker = await startTestWorker(address, { providers: { subprocess: backend } });
  expect(await worker.run({ code: "x" })).toMatchObject({ status: "succeeded", attempts: 1 });
  expect(backend.calls).toEqual(["acquire", "run", "run", "run", "remove"]);
});

it("a cell of a cluster that did not start is not tried again: its Job is made once", async () => {
  const backend = scriptedProvider("kubernetes", {
    run: () => {
      throw new KgentsError("cell-start", "the image has no shell");
    },
  });
  await using worker = await startTestWorker(address, { providers: { kubernetes: backend } });
  await expect(worker.run({ code: "x" })).rejects.toMatchObject({ code: "cell-start" });
  expect(backend.calls).toEqual(["acquire", "run", "remove"]);
});

it("a full worker leaves the crowd to one that has places", async () => {
  const taskQueue = `full-${randomUUID()}`;
  const ended = new AbortController();
  const slow = scriptedProvider("subprocess", {
    reach: "host",
    maximumCells: 1,
    run: async (_program, { stop }) => {
      if (!ended.signal.aborted) await Promise.race([once(ended.signal, "abort"), once(stop, "abort")]);
      return outcome();
    },
  });
  const quick = scriptedProvider("subprocess", { reach: "host" });
  await using full = await startTestWorker(address, {
    providers: { subprocess: slow },
    taskQueue,
  });
  const first = await full.start({ code: "x" });
  await expect.poll(() => slow.calls).toContain("run");
  // Some wait for the full worker, which took them before the other started; the rest must not.
  const crowd = await Promise.all(Array.from({ length: 12 }, () => full.start({ code: "x" })));
  await using idle = await startTestWorker(address, { providers: { subprocess: quick }, taskQueue });
  await expect.poll(() => quick.calls.filter((call) => call === "remove").length).toBeGreaterThanOrEqual(10);
  ended.abort();
  const results = await Promise.all([first, ...crowd].map((handle) => handle.result()));
  expect(results.map(({ status }) => status)).toEqual(Array.from({ length: 13 }, () => "succeeded"));
  void idle;
});

describe("output of several starts", () => {
  it("is complete where earlier starts were silent", async () => {
    let starts = 0;
    const text = "x".repeat(3 * 2 ** 20);
    const backend = scriptedProvider("subprocess", {
      run: (_program, { stdout }) => {
        starts += 1;
        if (starts < 3) return outcome({ exit: { code: 1, signal: null } });
        stdout.write(text);
        return outcome();
      },
    });
    await using worker = await startTestWorker(address, { providers: { subprocess: backend } });
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
