/** Client and worker on different machines, which share only a Temporal server and a bucket. */
import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { type CommandLine, createCommandLine } from "../support/command-line.ts";
import { startWorkerProcess, type WorkerProcess } from "../support/worker-process.ts";
import { type BucketServer, startBucketServer } from "./server.ts";

const address = inject("temporalAddress");
let server: BucketServer;
let terminal: CommandLine;
let worker: WorkerProcess;
const taskQueue = `bucket-${randomUUID()}`;

beforeAll(async () => {
  server = await startBucketServer();
  const { name, prefix, endpoint } = server.settings;
  const configuration = JSON.stringify({
    worker: { taskQueue, backends: ["subprocess"] },
    artifacts: { bucket: { name, prefix, endpoint } },
  });
  terminal = await createCommandLine({ environment: { TEMPORAL_ADDRESS: address, ...server.environment } });
  await terminal.file("config/kgents/kgents.config.yaml", configuration);
  const file = await terminal.file("worker.yaml", configuration);
  worker = await startWorkerProcess(address, taskQueue, join(terminal.directory, "elsewhere"), {
    flags: ["--config", file],
    environment: server.environment,
  });
});
afterAll(async () => {
  await worker?.end("SIGTERM");
  await terminal?.[Symbol.asyncDispose]();
  await server?.[Symbol.asyncDispose]();
});

const large = (bytes: number): string => `import sys; sys.stdout.write("0123456789" * ${bytes / 10})`;

describe("a bucket that is there", () => {
  it("carries output that no result can hold, to a client on another machine", async () => {
    const { code, bytes, stderr } = await terminal.run(["exec", "--quiet", "--cpu", "1", "--code", large(5_000_000)]);
    expect({ code, length: bytes.length, stderr }).toEqual({ code: 0, length: 5_000_000, stderr: "" });
    expect(bytes.equals(Buffer.from("0123456789".repeat(500_000)))).toBe(true);
  });

  it("carries it live", async () => {
    const waiting = terminal.start([
      ...["exec", "--quiet", "--id", "a-live-run", "--timeout", "1m"],
      ...["--code", "import time\nprint('early', flush=True)\ntime.sleep(50)"],
    ]);
    await waiting.says("stdout", "early\n");
    expect(await terminal.run(["cancel", "a-live-run"])).toMatchObject({ code: 0 });
    expect((await waiting.ended).stdout).toBe("early\n");
  });

  it("carries large input and output files", async () => {
    const content = Buffer.alloc(6_000_000, Buffer.from([0, 255, 10, 13, 128]));
    await terminal.file("large.bin", content);
    const { code, stderr } = await terminal.run([
      ...["exec", "--quiet", "--cpu", "1", "--lang", "sh", "--code", "cat > copy; cp large.bin second"],
      ...["--stdin", "large.bin", "--input", "large.bin", "--output", "copy", "--output", "second"],
      ...["--output-dir", "brought"],
    ]);
    expect(code, stderr).toBe(0);
    for (const name of ["copy", "second"]) {
      expect((await readFile(join(terminal.directory, "brought", name))).equals(content)).toBe(true);
    }
  });

  it("shows afterwards what a run wrote, by the page", async () => {
    await terminal.run(["exec", "--quiet", "--id", "a-large-run", "--cpu", "1", "--code", large(2_000_000)]);
    expect((await terminal.run(["logs", "a-large-run"])).bytes.length).toBe(2_000_000);
  });
});

it("a local stack that comes up by itself keeps its artifacts there", async () => {
  const bucket = { ...server.settings, prefix: "of-a-local-stack/" };
  await using local = await createCommandLine({
    environment: { ...server.environment, KGENTS_TEMPORAL_CLI: inject("temporalBinary") },
  });
  await local.file("config/kgents/kgents.config.yaml", JSON.stringify({ artifacts: { bucket } }));
  const { code, bytes, stderr } = await local.run(["exec", "--cpu", "1", "--code", large(2_000_000)]);
  expect({ code, length: bytes.length }, stderr).toEqual({ code: 0, length: 2_000_000 });
  expect(stderr).not.toContain("not in the bucket");
});

describe("a bucket that is away", () => {
  it("the run ends all the same, with what a result can hold and a plain statement; later all of it is there", async () => {
    await server.stop();
    const flags = ["exec", "--json", "--id", "a-run-without", "--cpu", "1", "--code", large(2_000_000)];
    const ended = await terminal.run(flags);
    expect(ended.code, ended.stderr).toBe(0);
    const { status, stdout, notices } = JSON.parse(ended.stdout);
    expect(status).toBe("succeeded");
    expect(stdout).toMatchObject({ truncated: true, bytes: 2_000_000 });
    expect(stdout.text).toMatch(/^0123456789/);
    expect(notices).toEqual([expect.stringMatching(/artifacts of this run are not in the bucket yet.*ECONNREFUSED/)]);
    const shown = await terminal.run(["exec", "--code", "print('small')"]);
    expect(shown).toMatchObject({ code: 0, stdout: "small\n" });
    expect(shown.stderr).toContain("not in the bucket yet");

    await server.start();
    await expect
      .poll(async () => (await terminal.run(["logs", "a-run-without"])).bytes.length, {
        timeout: 60_000,
        interval: 1000,
      })
      .toBe(2_000_000);
  });

  it.each([
    ["there", "kgents-test", 0, /^ok +Artifacts +in the bucket kgents-test$/m],
    [
      "not there",
      "no-such-bucket",
      1,
      /^failed +Artifacts +the bucket no-such-bucket at .+ cannot be used: NoSuchBucket/m,
    ],
  ])("the doctor looks at one that is %s", async (_, name, code, words) => {
    const bucket = { ...server.settings, name };
    const file = await terminal.file("doctor.yaml", JSON.stringify({ worker: { taskQueue }, artifacts: { bucket } }));
    const examined = await terminal.run(["doctor", "--config", file]);
    expect(examined.stdout).toMatch(words);
    expect(examined.code).toBe(code);
  });

  it("a worker does not start on it, and says why", async () => {
    const file = await terminal.file(
      "wrong.yaml",
      `artifacts: { bucket: { name: kgents-test, endpoint: "http://127.0.0.1:9" } }\n`,
    );
    const { code, stderr } = await terminal.run(["worker", "--config", file]);
    expect(code).toBe(125);
    expect(stderr).toMatch(/the bucket kgents-test at http:\/\/127\.0\.0\.1:9 cannot be used: .*ECONNREFUSED/);
    expect(stderr).toContain("Check `artifacts.bucket`");
  });
});
