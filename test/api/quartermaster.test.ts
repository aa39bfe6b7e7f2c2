/** The TypeScript API against a real worker. */
import { createHash, randomBytes, randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import {
  type ExecutionHandle,
  type ExecutionRequest,
  exitCodeOf,
  JobBuilder,
  KgentsError,
  Quartermaster,
  resultSchema,
} from "#client/index";
import { freePort } from "../support/dev-server.ts";
import { processesRunning } from "../support/processes.ts";
import { openYard, type Yard } from "./support.ts";

const address = inject("temporalAddress");
let yard: Yard;
beforeAll(async () => {
  yard = await openYard(address);
});
afterAll(() => yard[Symbol.asyncDispose]());

/** The two ways to follow output: through the store, or through heartbeats if the store is not available. */
const ways: [name: string, shared: boolean][] = [
  ["with the store", true],
  ["by heartbeat", false],
];

/** Collects everything that a run wrote from its events. */
async function collect(handle: ExecutionHandle): Promise<{ stdout: string; stderr: string; omitted: number }> {
  const seen = { stdout: [] as Uint8Array[], stderr: [] as Uint8Array[] };
  const offsets = { stdout: 0, stderr: 0 };
  let omitted = 0;
  for await (const event of handle.output()) {
    expect(event.offset).toBe(offsets[event.stream]);
    if (event.type === "output") seen[event.stream].push(event.bytes);
    else omitted += event.length;
    offsets[event.stream] += event.type === "output" ? event.bytes.length : event.length;
  }
  const text = (chunks: Uint8Array[]): string => Buffer.concat(chunks).toString("utf8");
  return { stdout: text(seen.stdout), stderr: text(seen.stderr), omitted };
}

describe("execute", () => {
  it("has the defaults of the original", () => {
    expect(new Quartermaster().mode).toBe("auto");
    expect(new Quartermaster({ mode: "subprocess" }).mode).toBe("subprocess");
  });

  it.each<[string, ExecutionRequest, object]>([
    ["code", { code: "print('hello')" }, { status: "succeeded", exitCode: 0, stdout: { text: "hello\n" } }],
    ["a language", { code: "echo hi", language: "shell" }, { language: "sh", stdout: { text: "hi\n" } }],
    ["code that fails", { code: "raise SystemExit(3)" }, { status: "failed", exitCode: 3 }],
    ["time", { code: "while True: pass", timeout: 0.5 }, { status: "timed-out", exitCode: null }],
    ["memory", { code: "x = bytearray(10**9)", memory: "32Mi" }, { status: "out-of-memory" }],
    ["bytes", { code: { base64: Buffer.from("print(1)").toString("base64") } }, { stdout: { text: "1\n" } }],
  ])("%s", async (_, request, expected) => {
    const result = await yard.quartermaster().execute(request);
    expect(result).toMatchObject(expected);
    expect(resultSchema.parse(result)).toEqual(result);
  });

  it("many at once, over one connection", async () => {
    const quartermaster = yard.quartermaster();
    const results = await Promise.all(
      Array.from({ length: 12 }, (_, index) => quartermaster.execute({ code: `echo ${index}`, language: "sh" })),
    );
    expect(results.map(({ stdout }) => stdout.text)).toEqual(results.map((_, index) => `${index}\n`));
    expect(new Set(results.map(({ id }) => id)).size).toBe(12);
  });

  it("brings files back", async () => {
    const { files } = await yard
      .quartermaster()
      .execute({ code: "cp in/a b", language: "sh", files: [{ name: "in/a", content: "x" }], outputs: ["b"] });
    expect(files).toMatchObject([{ name: "b", bytes: 1, base64: Buffer.from("x").toString("base64") }]);
  });

  it("applies the configuration's defaults, under what the request says", async () => {
    const configurationFile = join(yard.directory, "defaults.yaml");
    await writeFile(configurationFile, "defaults: { language: sh, timeout: 0.5 }\n");
    const quartermaster = yard.quartermaster({ configurationFile });
    expect(await quartermaster.execute({ code: "sleep 60" })).toMatchObject({ status: "timed-out", language: "sh" });
    expect(await quartermaster.execute({ code: "sleep 1", timeout: 20 })).toMatchObject({ status: "succeeded" });
  });
});

describe("modes", () => {
  it("subprocess runs in the sandbox, and that is no fallback", async () => {
    const result = await yard.quartermaster({ mode: "subprocess" }).execute({ code: "print(1)" });
    expect(result).toMatchObject({ backend: "subprocess", fallback: null, isolation: { level: "sandbox" } });
  });

  it("auto is the sandbox where nobody has named a cluster, and that is no fallback", async () => {
    const { backend, fallback } = await yard.quartermaster().execute({ code: "print(1)" });
    expect({ backend, fallback }).toEqual({ backend: "subprocess", fallback: null });
  });

  it("kubernetes never falls back", async () => {
    await expect(yard.quartermaster({ mode: "kubernetes" }).execute({ code: "x" })).rejects.toMatchObject({
      name: "KgentsError",
      code: "backend-unavailable",
      remedy: expect.stringContaining("backend"),
    });
  });

  it("dry-run shows the Job, and starts nothing", async () => {
    const quartermaster = new Quartermaster({ mode: "dry-run", address: "192.0.2.1:7233" });
    const { status, manifest } = await quartermaster.execute({ code: "print('x')", network: true });
    expect(status).toBe("dry-run");
    expect(manifest).toMatchObject({ kind: "Job", metadata: { labels: { "kgents.io/network": "true" } } });
    expect(JSON.stringify(manifest)).not.toContain("print('x')");
    await expect(quartermaster.start({ code: "x" })).rejects.toMatchObject({ code: "invalid-request", field: "mode" });
    await expect(quartermaster.execute({ code: "" })).rejects.toMatchObject({ field: "code" });
  });
});

describe("a handle", () => {
  it.each(ways)("follows the output while the code runs, %s", async (_, shared) => {
    const handle = await yard
      .quartermaster({ shared })
      .start({ code: "echo one; echo two >&2; sleep 1.5; echo three", language: "sh" });
    const iterator = handle.output()[Symbol.asyncIterator]();
    await iterator.next();
    expect((await handle.describe()).status).toBe("running");
    await iterator.return?.();
    expect(await collect(handle)).toEqual({ stdout: "one\nthree\n", stderr: "two\n", omitted: 0 });
    expect(await handle.result()).toMatchObject({ status: "succeeded" });
    // Again after the run has ended.
    expect(await collect(handle)).toEqual({ stdout: "one\nthree\n", stderr: "two\n", omitted: 0 });
  });

  it.each(ways)("more than a result can carry, %s: complete, or said how much is missing", async (_, shared) => {
    const handle = await yard
      .quartermaster({ shared })
      .start({ code: "seq 400000", language: "sh", cpu: 2, timeout: 60 });
    const whole = Array.from({ length: 400_000 }, (_, index) => `${index + 1}\n`).join("");
    const { stdout, omitted } = await collect(handle);
    expect(stdout.length + omitted).toBe(whole.length);
    if (shared) expect(stdout).toBe(whole);
    else expect(whole.startsWith(stdout.slice(0, 300_000)) && whole.endsWith(stdout.slice(-300_000))).toBe(true);
    expect(await handle.result()).toMatchObject({
      stdout: { bytes: whole.length, sha256: createHash("sha256").update(whole).digest("hex"), truncated: true },
    });
  });

  it("describes the run while it runs and when it is over", async () => {
    const handle = await yard.quartermaster().start({ code: "echo begun; sleep 1", language: "sh" });
    for await (const _ of handle.output()) break;
    expect(await handle.describe()).toMatchObject({
      id: handle.id,
      runId: handle.runId,
      status: "running",
      phase: "executing",
      closedAt: null,
      startedAt: expect.any(Date),
    });
    await handle.result();
    expect(await handle.describe()).toMatchObject({
      status: "succeeded",
      phase: null,
      closedAt: expect.any(Date),
    });
  });

  it("cancels: the code ends, the result has what it wrote, and a second time does nothing", async () => {
    const handle = await yard.quartermaster().start({ code: "echo begun; sleep 651.5", language: "sh", timeout: 700 });
    for await (const _ of handle.output()) break;
    const asked = performance.now();
    await handle.cancel();
    const result = await handle.result();
    expect(performance.now() - asked).toBeLessThan(2000);
    expect(result).toMatchObject({ status: "cancelled", stdout: { text: "begun\n" } });
    expect(exitCodeOf(result)).toBe(130);
    expect(await processesRunning("sleep 651.5")).toEqual([]);
    await handle.cancel();
  });

  it("is found by its id, also by another process and when no worker runs any more", async () => {
    const { id } = await yard.quartermaster().execute({ code: "echo kept", language: "sh" });
    const elsewhere = yard.quartermaster({ taskQueue: `nobody-${randomUUID()}`, startLocalStack: false });
    const handle = await elsewhere.get(id);
    expect(handle).toMatchObject({ id, attached: true });
    expect(await handle.result()).toMatchObject({ id, stdout: { text: "kept\n" } });
    expect(await collect(handle)).toMatchObject({ stdout: "kept\n" });
    await expect(elsewhere.get("nothing-like-it")).rejects.toMatchObject({
      code: "not-found",
      message: "there is no run nothing-like-it",
    });
  });

  it("of a run that failed: the output ends, the result throws", async () => {
    const handle = await yard.quartermaster().start({ code: "x", language: "cobol" });
    expect(await collect(handle)).toEqual({ stdout: "", stderr: "", omitted: 0 });
    await expect(handle.result()).rejects.toMatchObject({ code: "unsupported-language", field: "language" });
    expect(await handle.describe()).toMatchObject({ status: "error", phase: null });
  });

  it("of a run that was terminated", async () => {
    const handle = await yard.quartermaster().start({ code: "sleep 30", language: "sh" });
    await yard.worker.client.workflow.getHandle(handle.id).terminate("enough");
    await expect(handle.result()).rejects.toMatchObject({
      code: "terminated",
      message: `the run ${handle.id} was terminated: enough`,
    });
    expect(await handle.describe()).toMatchObject({ status: "terminated" });
  });
});

describe("AbortSignal", () => {
  it("aborted while the code runs, cancels", async () => {
    const controller = new AbortController();
    const running = yard
      .quartermaster()
      .execute({ code: "sleep 652.5", language: "sh", timeout: 700 }, { signal: controller.signal });
    await expect.poll(() => processesRunning("sleep 652.5")).not.toEqual([]);
    controller.abort();
    expect(await running).toMatchObject({ status: "cancelled" });
    expect(await processesRunning("sleep 652.5")).toEqual([]);
  });

  it("aborted while it connects, nothing is started", async () => {
    const id = `never-${randomUUID()}`;
    const quartermaster = yard.quartermaster();
    const controller = new AbortController();
    const running = quartermaster.execute({ code: "sleep 653.5", language: "sh" }, { signal: controller.signal, id });
    controller.abort(new Error("changed my mind"));
    await expect(running).rejects.toThrow("changed my mind");
    await expect(quartermaster.get(id)).rejects.toMatchObject({ code: "not-found" });
  });

  it("aborted beforehand, nothing is started", async () => {
    const id = `never-${randomUUID()}`;
    const quartermaster = yard.quartermaster();
    const signal = AbortSignal.abort(new Error("changed my mind"));
    await expect(quartermaster.execute({ code: "x" }, { signal, id })).rejects.toThrow("changed my mind");
    await expect(quartermaster.get(id)).rejects.toMatchObject({ code: "not-found" });
  });
});

describe("ids", () => {
  it("the same request attaches, however it is written; another one is refused", async () => {
    const quartermaster = yard.quartermaster();
    const id = `same-${randomUUID()}`;
    const first = await quartermaster.start({ code: "echo once", language: "sh", timeout: 30 }, { id });
    const second = await quartermaster.start({ timeout: "30s", language: "sh", code: "echo once" }, { id });
    expect([first.attached, second.attached]).toEqual([false, true]);
    expect(second.runId).toBe(first.runId);
    expect(await second.result()).toEqual(await first.result());
    expect(await quartermaster.execute({ code: "echo once", language: "sh" }, { id })).toEqual(await first.result());
    await expect(quartermaster.start({ code: "echo twice", language: "sh" }, { id })).rejects.toMatchObject({
      code: "id-conflict",
      field: "id",
    });
  });

  it("two starts at once are one run", async () => {
    const id = `race-${randomUUID()}`;
    const handles = await Promise.all(
      [1, 2, 3].map(() => yard.quartermaster().start({ code: "echo once", language: "sh" }, { id })),
    );
    expect(handles.filter(({ attached }) => !attached)).toHaveLength(1);
    expect(new Set(handles.map(({ runId }) => runId)).size).toBe(1);
  });

  it("a large request attaches, too: it is compared by its content", async () => {
    const id = `large-${randomUUID()}`;
    const request = { code: `# ${"x".repeat(200_000)}\nprint(1)`, stdin: { base64: "/w==" } };
    await yard.quartermaster().execute(request, { id });
    expect((await yard.quartermaster().start(request, { id })).attached).toBe(true);
  });
});

describe("large requests", () => {
  const large = { code: `print(len("${"x".repeat(1_500_000)}"))`, cpu: 1 };

  it("go by the artifact store where it is shared", async () => {
    expect(await yard.quartermaster().execute(large)).toMatchObject({ stdout: { text: "1500000\n" } });
  });

  it("are refused where it is not, with what to do", async () => {
    await expect(yard.quartermaster({ shared: false }).execute(large)).rejects.toMatchObject({
      code: "invalid-request",
      field: "request",
      message: expect.stringMatching(/got 150\d{4} bytes of JSON; allowed are 1048576/),
      remedy: expect.stringContaining("Share the artifact store"),
    });
  });

  it("50 MB of bytes as stdin", async () => {
    const bytes = randomBytes(50_000_000);
    const { stdout } = await yard.quartermaster().execute({
      code: "import sys, hashlib; print(hashlib.file_digest(sys.stdin.buffer, 'sha256').hexdigest())",
      stdin: { base64: bytes.toString("base64") },
      cpu: 2,
      timeout: 60,
    });
    expect(stdout.text).toBe(`${createHash("sha256").update(bytes).digest("hex")}\n`);
  });
});

describe("errors are typed", () => {
  it.each<[string, ExecutionRequest, string]>([
    ["empty code", { code: "" }, "code"],
    ["nothing to run", {}, "code"],
    ["a time-out", { code: "x", timeout: -1 }, "timeout"],
    ["memory", { code: "x", memory: "much" }, "memory"],
    ["a file's name", { code: "x", files: [{ name: "../up", content: "" }] }, "files.0.name"],
  ])("%s is refused before anything is connected", async (_, request, field) => {
    const quartermaster = new Quartermaster({ address: "192.0.2.1:7233" });
    const error = await quartermaster.execute(request).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(KgentsError);
    expect(error).toMatchObject({ code: "invalid-request", field, remedy: expect.any(String) });
  });

  it.each([" ", "-a", "ü", "x".repeat(201)])("the id %j is refused", async (id) => {
    await expect(yard.quartermaster().start({ code: "x" }, { id })).rejects.toMatchObject({ field: "id" });
  });

  it("no server, and none to be started", async () => {
    const free = `127.0.0.1:${await freePort()}`;
    const quartermaster = new Quartermaster({ address: free, startLocalStack: false });
    const began = performance.now();
    await expect(quartermaster.execute({ code: "x" })).rejects.toMatchObject({
      code: "temporal-unavailable",
      message: expect.stringContaining(free),
    });
    expect(performance.now() - began).toBeLessThan(8000);
    expect(existsSync(join(yard.directory, "state/kgents/worker.json"))).toBe(false);
  });

  it("no worker; and when one has come, the same Quartermaster finds it", async () => {
    const taskQueue = `late-${randomUUID()}`;
    const quartermaster = yard.quartermaster({ taskQueue, startLocalStack: false });
    const began = performance.now();
    await expect(quartermaster.execute({ code: "x" })).rejects.toMatchObject({
      code: "no-worker",
      message: `no worker polls the task queue ${taskQueue} at ${address}`,
      remedy: "Start a worker for this Temporal server with `kgents worker`.",
    });
    expect(performance.now() - began).toBeLessThan(2000);
    const { startTestWorker } = await import("../support/test-worker.ts");
    expect(await quartermaster.isServed()).toBe(false);
    await using _worker = await startTestWorker(address, { taskQueue });
    expect(await quartermaster.isServed()).toBe(true);
    expect(await quartermaster.execute({ code: "print(1)" })).toMatchObject({ stdout: { text: "1\n" } });
  });

  it("no worker: what others do over the same connection goes on", async () => {
    const quartermaster = yard.quartermaster({ taskQueue: `none-${randomUUID()}`, startLocalStack: false });
    const { id } = await yard.quartermaster().start({ code: "sleep 2; echo through", language: "sh" });
    const result = (await quartermaster.get(id)).result();
    await expect(quartermaster.start({ code: "x" })).rejects.toMatchObject({ code: "no-worker" });
    expect(await quartermaster.isServed()).toBe(false);
    expect(await result).toMatchObject({ stdout: { text: "through\n" } });
  });

  it("a configuration that is wrong", async () => {
    const configurationFile = join(yard.directory, "wrong.yaml");
    await writeFile(configurationFile, "worker: { backends: [docker] }\n");
    await expect(yard.quartermaster({ configurationFile }).execute({ code: "x" })).rejects.toMatchObject({
      code: "invalid-configuration",
      field: "worker.backends.0",
      message: expect.stringContaining(configurationFile),
    });
  });

  it("a closed one connects again when it is used again", async () => {
    const quartermaster = yard.quartermaster();
    await quartermaster.execute({ code: "print(1)" });
    await quartermaster.close();
    await quartermaster.close();
    expect(await quartermaster.execute({ code: "print(2)" })).toMatchObject({ stdout: { text: "2\n" } });
  });
});

describe("JobBuilder to Quartermaster", () => {
  it("the example of the seed runs as it was built", async () => {
    const spec = new JobBuilder("exec")
      .withCode("print('hello')")
      .withLimits({ cpu: "200m", memory: "256Mi" })
      .withTimeout(30)
      .build();
    expect(await yard.quartermaster().execute(spec.request)).toMatchObject({
      status: "succeeded",
      stdout: { text: "hello\n" },
    });
  });

  it("with everything that a request has", async () => {
    const { request } = new JobBuilder("exec")
      .withCode("echo $NAME $1", "sh")
      .withEnvironment({ NAME: "a" })
      .withArguments(["b"])
      .withLabel("team", "red")
      .withLimits({ cpu: 1, ephemeralStorage: "1Mi" })
      .build();
    expect(await yard.quartermaster().execute(request)).toMatchObject({ stdout: { text: "a b\n" } });
    const { manifest } = await new Quartermaster({ mode: "dry-run" }).execute(request);
    expect(manifest.metadata.labels).toMatchObject({ team: "red" });
  });
});

it("the artifact store is handed out where it is shared, and only there", async () => {
  expect((await yard.quartermaster().store())?.id).toBe(yard.worker.store.id);
  expect(await yard.quartermaster({ shared: false }).store()).toBeUndefined();
});
