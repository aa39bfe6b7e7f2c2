import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { phaseQuery, searchAttributes } from "#core/contract/names";
import type { ExecutionRequest } from "#core/contract/request";
import type { ExecutionResult } from "#core/contract/result";
import { runKey } from "#platform/store/references";
import { processesWith } from "../support/processes.ts";
import { startTestWorker, type TestWorker } from "../support/test-worker.ts";

let worker: TestWorker;
beforeAll(async () => {
  worker = await startTestWorker(inject("temporalAddress"));
});
afterAll(() => worker[Symbol.asyncDispose]());

/** Generous: these tests check what happens, not how fast. */
const quick = { cpu: 1, memory: "256Mi" } as const;

describe("results", () => {
  it.each<[string, ExecutionRequest, Partial<ExecutionResult> & { out?: string; err?: string }]>([
    ["output", { code: "print('hello')" }, { status: "succeeded", exitCode: 0, out: "hello\n", err: "" }],
    [
      "stderr apart",
      { code: "import sys; print('o'); print('e', file=sys.stderr); sys.exit(3)" },
      { status: "failed", exitCode: 3, signal: null, out: "o\n", err: "e\n" },
    ],
    ["shell", { code: "echo hi", language: "shell" }, { language: "sh", out: "hi\n" }],
    [
      "arguments",
      { code: "import sys; print(sys.argv[1:])", args: ["a b", "$(x)", "$$"] },
      { out: "['a b', '$(x)', '$$']\n" },
    ],
    ["environment", { code: "echo $A", language: "sh", env: { A: "b c" } }, { out: "b c\n" }],
    ["stdin", { code: "cat", language: "sh", stdin: "given" }, { out: "given" }],
    ["no stdin is end of file", { code: "cat; echo done", language: "sh" }, { out: "done\n" }],
    ["a signal", { code: "kill -TERM $$", language: "sh" }, { status: "failed", exitCode: 143, signal: "SIGTERM" }],
    [
      "files and an entrypoint",
      {
        files: [
          { name: "a.py", content: "import b" },
          { name: "b.py", content: "print('b')" },
        ],
        entrypoint: "a.py",
      },
      { out: "b\n" },
    ],
    [
      "partial output of code that takes too long",
      { code: "echo before; sleep 60", language: "sh", timeout: 1 },
      { status: "timed-out", exitCode: null, out: "before\n" },
    ],
    ["out of memory", { code: "x = bytearray(10**9)", memory: "32Mi" }, { status: "out-of-memory" }],
    ["bytes that are no text", { code: "printf '\\377\\000'", language: "sh" }, {}],
  ])("%s", async (_name, request, expected) => {
    const { out, err, ...fields } = expected;
    const result = await worker.run({ ...quick, ...request });
    expect(result).toMatchObject(fields);
    if (out !== undefined) expect(result.stdout.text).toBe(out);
    if (err !== undefined) expect(result.stderr.text).toBe(err);
    if (_name.startsWith("bytes")) {
      expect(result.stdout).toMatchObject({
        encoding: "base64",
        text: Buffer.from([255, 0]).toString("base64"),
        bytes: 2,
      });
    }
  });

  it("says what was enforced, where, and when", async () => {
    const result = await worker.run({ code: "true", language: "sh" });
    expect(result).toMatchObject({ backend: "subprocess", fallback: null, attempts: 1 });
    expect(result.isolation).toMatchObject({
      level: "sandbox",
      network: { enforced: true },
      filesystem: { enforced: true },
      user: { enforced: true },
    });
    const { queued, provisioned, started, finished } = result.timings;
    const moments = [queued, provisioned, started, finished].map((moment) => Date.parse(moment ?? ""));
    expect(moments).toEqual([...moments].sort((a, b) => a - b));
  });

  it("stops code that floods its output, and keeps the limit of it", async () => {
    const result = await worker.run({ ...quick, code: "yes", language: "sh" });
    expect(result).toMatchObject({ status: "output-limit" });
    expect(result.stdout).toMatchObject({ bytes: 64 * 2 ** 20, truncated: true });
    expect(JSON.stringify(result).length).toBeLessThan(2 ** 20);
  });

  it("brings output files back, and says which it refused", async () => {
    const result = await worker.run({
      ...quick,
      code: "mkdir d; echo one > d/a.txt; ln -s /etc/passwd d/b.txt; echo no > c.log",
      language: "sh",
      outputs: ["d/*.txt"],
    });
    expect(result.files.map(({ name, bytes }) => [name, bytes])).toEqual([["d/a.txt", 4]]);
    expect(Buffer.from(result.files[0]?.base64 ?? "", "base64").toString()).toBe("one\n");
  });
});

describe("cancellation", () => {
  it("ends a running sleep and the workflow, and keeps its output", async () => {
    const handle = await worker.start({ code: "echo begun; sleep 600.125", language: "sh", timeout: 700 });
    for await (const event of handle.output()) if (event.type === "output") break;
    await handle.cancel();
    const result = await handle.result();
    expect(result).toMatchObject({ status: "cancelled", stdout: { text: "begun\n" } });
    expect(await processesWith("sleep 600.125")).toEqual([]);
  });

  it("before the code starts is a result too", async () => {
    const handle = await worker.start({ code: "sleep 5", language: "sh" });
    await handle.cancel();
    expect(await handle.result()).toMatchObject({ status: "cancelled" });
  });

  it("terminate runs no clean-up code, and yet nothing is left", async () => {
    const handle = await worker.start({ code: "echo begun; sleep 600.25", language: "sh", timeout: 700 });
    for await (const event of handle.output()) if (event.type === "output") break;
    await worker.client.workflow.getHandle(handle.id).terminate("a test");
    await expect(handle.result()).rejects.toMatchObject({ code: "terminated" });
    await expect.poll(() => processesWith("sleep 600.25")).toEqual([]);
    const cells = join(worker.paths.state, "cells");
    const left = async (): Promise<string[]> => {
      const hosts = await readdir(cells).catch(() => []);
      return (await Promise.all(hosts.map((host) => readdir(join(cells, host)))))
        .flat()
        .filter((name) => name.startsWith("kgents-"));
    };
    await expect.poll(left).toEqual([]);
  });
});

describe("identity", () => {
  it("the same id with the same request attaches, also to a closed run", async () => {
    const id = `same-${crypto.randomUUID()}`;
    const request = { code: "import time; print(time.time_ns())" };
    const first = await worker.start(request, { id });
    const second = await worker.start(request, { id });
    expect([first.attached, second.attached]).toEqual([false, true]);
    const result = await first.result();
    expect(await second.result()).toEqual(result);
    const third = await worker.start(request, { id });
    expect(await third.result()).toEqual(result);
    const seen: Buffer[] = [];
    for await (const event of third.output()) if (event.type === "output") seen.push(Buffer.from(event.bytes));
    expect(Buffer.concat(seen).toString()).toBe(result.stdout.text);
  });

  it("another request under it is refused", async () => {
    const id = `same-${crypto.randomUUID()}`;
    await (await worker.start({ code: "print(1)" }, { id })).result();
    await expect(worker.start({ code: "print(2)" }, { id })).rejects.toMatchObject({
      code: "id-conflict",
      field: "id",
    });
  });
});

describe("the story in the UI", () => {
  it("has summaries, details, search attributes and the phase", async () => {
    const requester = `tester-${crypto.randomUUID()}`;
    const handle = await worker.start({ code: "print('told')\nimport time; time.sleep(3)", requester, ...quick });
    const workflow = worker.client.workflow.getHandle(handle.id);
    await expect.poll(() => workflow.query(phaseQuery)).toBe("executing");
    const running = await handle.describe();
    expect(running).toMatchObject({ status: "running", phase: "executing", closedAt: null });
    await handle.result();
    const description = await workflow.describe();
    expect(await description.staticSummary()).toBe("python · `print('told')`");
    expect(description.searchAttributes).toMatchObject({
      [searchAttributes.language]: ["python"],
      [searchAttributes.backend]: ["subprocess"],
      [searchAttributes.status]: ["succeeded"],
      [searchAttributes.requester]: [requester],
    });
    expect(await handle.describe()).toMatchObject({ status: "succeeded", phase: null });
    const { events } = await workflow.fetchHistory();
    const summaries = (events ?? [])
      .filter((event) => event.activityTaskScheduledEventAttributes)
      .map((event) => Buffer.from(event.userMetadata?.summary?.data ?? []).toString());
    expect(summaries).toHaveLength(3);
    expect(summaries[0]).toContain("prepare a cell");
    expect(summaries[1]).toContain("print('told')");
    expect(summaries[2]).toContain("remove");
    const found = worker.client.workflow.list({ query: `${searchAttributes.requester} = '${requester}'` });
    const ids: string[] = [];
    await expect
      .poll(async () => {
        ids.length = 0;
        for await (const execution of found) ids.push(execution.workflowId);
        return ids;
      })
      .toEqual([handle.id]);
  });
});

describe("live output", () => {
  const code = `
import sys, time
for i in range(30):
    print("line", i, flush=True)
    print("err", i, file=sys.stderr, flush=True)
    time.sleep(0.05)
sys.stdout.buffer.write(b"\\xff\\x00end")
`;
  it.each([
    ["in the store", true],
    ["by heartbeat", false],
  ])("%s: live, separate, complete, nothing doubled", async (_name, shareStore) => {
    const handle = await worker.start({ code, ...quick }, { shareStore });
    const seen = { stdout: [] as Buffer[], stderr: [] as Buffer[] };
    const times: number[] = [];
    for await (const event of handle.output()) {
      if (event.type !== "output") throw new Error("bytes were omitted");
      expect(event.offset).toBe(Buffer.concat(seen[event.stream]).length);
      seen[event.stream].push(Buffer.from(event.bytes));
      times.push(Date.now());
    }
    const result = await handle.result();
    const expected = Array.from({ length: 30 }, (_, i) => i);
    const out = Buffer.concat(seen.stdout);
    expect(out.subarray(0, -5).toString()).toBe(expected.map((i) => `line ${i}\n`).join(""));
    expect(out.subarray(-5)).toEqual(Buffer.from([255, 0, ...Buffer.from("end")]));
    expect(Buffer.concat(seen.stderr).toString()).toBe(expected.map((i) => `err ${i}\n`).join(""));
    expect(result.stdout.bytes).toBe(out.length);
    // Live: the output arrived in pieces, over the 1.5 s that the code took.
    expect(Math.max(...times) - Math.min(...times)).toBeGreaterThan(700);
  });

  it("by heartbeat, faster than it can be followed: the result fills in the rest", async () => {
    const fast = "import time\nfor i in range(40000): print('x' * 9)\ntime.sleep(1)";
    const handle = await worker.start({ code: fast, ...quick }, { shareStore: false });
    let bytes = 0;
    const behind: string[] = [];
    for await (const event of handle.output({ onBehind: (stream) => behind.push(stream) })) {
      if (event.type !== "output") throw new Error("bytes were omitted");
      expect(event.offset).toBe(bytes);
      bytes += event.bytes.length;
    }
    expect(bytes).toBe(400_000);
    expect(behind).toEqual(["stdout"]);
  });

  it("where nobody asked for it, heartbeats carry no output", async () => {
    const handle = await worker.start({ code: "echo secret-output; sleep 60", language: "sh" });
    const details = async (): Promise<unknown> => {
      const { raw } = await worker.client.workflow.getHandle(handle.id).describe();
      const data = raw.pendingActivities?.[0]?.heartbeatDetails?.payloads?.[0]?.data;
      return JSON.parse(Buffer.from(data ?? "null").toString());
    };
    const bytes = { stdout: 14, stderr: 0 };
    await expect.poll(details).toEqual({ phase: "executing", attempt: 1, bytes });
    await handle.cancel();
    await handle.result();
    expect(existsSync(join(worker.store.directory, "runs", runKey(handle.id, handle.runId), "1.stdout"))).toBe(true);
  });
});

describe("scale", () => {
  it("200 runs at 20 in flight: 200 right answers, nothing left", async () => {
    const numbers = Array.from({ length: 200 }, (_, i) => i);
    const answers = new Map<number, string>();
    const next = numbers[Symbol.iterator]();
    const runner = async (): Promise<void> => {
      for (const i of next) {
        const result = await worker.run({ code: `echo $((${i} * 7))`, language: "sh", ...quick });
        answers.set(i, result.stdout.text);
      }
    };
    await Promise.all(Array.from({ length: 20 }, runner));
    expect([...answers].sort(([a], [b]) => a - b)).toEqual(numbers.map((i) => [i, `${i * 7}\n`]));
  }, 240_000);
});
