/**
 * Another process with the same state directory uploads what a dead process could not. Files of a live process are left
 * alone.
 */
import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, readdir, rename, rm, stat, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as wait } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { Client, Connection } from "@temporalio/client";
import { afterAll, afterEach, beforeAll, beforeEach, expect, inject, it, onTestFinished } from "vitest";
import { startExecution } from "#client/sdk/start-execution";
import { grpcRuns } from "#client/sdk/temporal/grpc-runs";
import type { ArtifactStore } from "#platform/store/artifact-store";
import { openBucketStore } from "#platform/store/bucket/bucket-store";
import { runKey, streamReference } from "#platform/store/references";
import { newRun, readArtifact, writeArtifact } from "../support/store-contract.ts";
import { startWorkerProcess } from "../support/worker-process.ts";
import { filesIn } from "./files-in.ts";
import { type BucketServer, startBucketServer } from "./server.ts";

let server: BucketServer;
let spool: string;
let reader: ArtifactStore;
beforeAll(async () => {
  server = await startBucketServer();
  reader = await openBucketStore(server.settings, undefined);
});
afterAll(async () => {
  await reader?.close();
  await server?.[Symbol.asyncDispose]();
});
beforeEach(async () => {
  spool = await mkdtemp(join(tmpdir(), "kgents-spool-"));
});
afterEach(() => rm(spool, { recursive: true, force: true }));

const takesUp = "1 artifacts of an earlier process are on their way into the bucket";

/** A store in this process with a short interval between uploads, and its log. */
async function openStore(lookMilliseconds?: number) {
  const lines: string[] = [];
  const settings = { directory: spool, patienceMilliseconds: 500, log: (line: string) => void lines.push(line) };
  const opened = await openBucketStore(
    server.settings,
    lookMilliseconds === undefined ? settings : { ...settings, lookMilliseconds },
  );
  return { store: opened, lines };
}

/** Another process with the same spool. */
async function startWriter() {
  const child = spawn(
    process.execPath,
    [fileURLToPath(new URL("./spool-writer.mjs", import.meta.url)), JSON.stringify(server.settings), spool],
    { stdio: ["pipe", "pipe", "inherit"] },
  );
  const answers = createInterface({ input: child.stdout });
  await once(answers, "line");
  return {
    write: async (reference: string, content: string) => {
      const written = once(answers, "line");
      child.stdin.write(`${JSON.stringify({ reference, content })}\n`);
      await written;
    },
    end: async (signal: NodeJS.Signals) => {
      const exited = once(child, "exit");
      child.kill(signal);
      await exited;
    },
  };
}

/** The folder of the only file in the spool. */
async function onlyFolder(): Promise<string> {
  const files = await filesIn(spool);
  expect(files).toHaveLength(1);
  return dirname(files[0] ?? "");
}

it("gets from the next process what the last one could not bring", async () => {
  const { key, stdout } = newRun();
  const { store: last, lines: said } = await openStore();
  await server.stop();
  await writeArtifact(last, stdout, "left behind");
  await last.settle(key);
  await last.close();
  expect(said).toEqual(["1 artifacts are not in the bucket; the next worker here goes on with them"]);
  expect(await filesIn(spool)).toHaveLength(1);
  await server.start();
  const { store: next, lines } = await openStore();
  expect(lines).toEqual([takesUp]);
  await next.close();
  expect(await readArtifact(reader, key, stdout)).toBe("left behind");
  expect(await filesIn(spool)).toEqual([]);
});

it("gets from one that runs already what one that was killed had written, and nothing of it before", async () => {
  const { key, stdout } = newRun();
  const { store: running, lines } = await openStore(50);
  const [own = ""] = await readdir(join(spool, (await readdir(spool))[0] ?? ""));
  const writer = await startWriter();
  await server.stop();
  await writer.write(stdout, "written by another");
  const theirs = await onlyFolder();
  // After several intervals it is unchanged.
  const written = Date.now();
  await expect.poll(async () => (await stat(join(dirname(theirs), own))).mtimeMs).toBeGreaterThan(written + 200);
  expect(await onlyFolder()).toBe(theirs);
  expect(lines).toEqual([]);
  await writer.end("SIGKILL");
  await expect.poll(() => lines).toEqual([takesUp]);
  await server.start();
  await expect.poll(() => filesIn(spool)).toEqual([]);
  expect(await readArtifact(reader, key, stdout)).toBe("written by another");
  await running.close();
  expect(await readdir(dirname(theirs))).toEqual([]);
});

it("gets nothing from a process that it cannot see, as long as that shows signs of life", async () => {
  const { key, stdout } = newRun();
  const { store: last } = await openStore();
  await server.stop();
  await writeArtifact(last, stdout, "of another container");
  await last.close();
  await server.start();
  // As named by a process on another machine, whose process ids mean nothing here.
  const given = await onlyFolder();
  const elsewhere = join(dirname(given), `${"0".repeat(16)}_1_1_${randomUUID()}`);
  await rename(given, elsewhere);
  const { store: running, lines } = await openStore(50);
  const began = Date.now();
  for (let second = 1; Date.now() - began < 1200; second += 1) {
    await utimes(elsewhere, second, second);
    expect(await onlyFolder()).toBe(elsewhere);
    await wait(50);
  }
  const silent = Date.now();
  await expect.poll(() => filesIn(spool)).toEqual([]);
  expect(Date.now() - silent).toBeGreaterThan(500);
  expect(lines).toEqual([takesUp]);
  expect(await readArtifact(reader, key, stdout)).toBe("of another container");
  await running.close();
});

it("what comes late takes nothing from what another has written meanwhile", async () => {
  const { key, stdout } = newRun();
  const { store: last } = await openStore();
  await server.stop();
  await writeArtifact(last, stdout, "the beginning");
  await last.close();
  await server.start();
  const elsewhere = await mkdtemp(join(tmpdir(), "kgents-spool-"));
  const other = await openBucketStore(server.settings, { directory: elsewhere });
  // It found nothing in the bucket, so it starts at the beginning.
  await writeArtifact(other, stdout, "the beginning, and the rest");
  await other.settle(key);
  const { store: next } = await openStore();
  await next.close();
  expect(await filesIn(spool)).toEqual([]);
  expect(await readArtifact(reader, key, stdout)).toBe("the beginning, and the rest");
  await other.close();
  await rm(elsewhere, { recursive: true, force: true });
});

it("is not brought into another bucket", async () => {
  const { store: last } = await openStore();
  await server.stop();
  await writeArtifact(last, newRun().stdout, "for this one");
  await last.close();
  await server.start();
  const other = await openBucketStore({ ...server.settings, prefix: "another/" }, { directory: spool });
  await other.close();
  expect(await filesIn(spool)).toHaveLength(1);
});

it("workers of one state directory: any that starts takes up what another has left", async () => {
  const address = inject("temporalAddress");
  const taskQueue = `spool-${randomUUID()}`;
  const { name, prefix, endpoint } = server.settings;
  const start = async (queue: string) => {
    const worker = await startWorkerProcess(address, queue, spool, {
      flags: ["--backends", "subprocess", "--config", join(spool, "config.json")],
      environment: server.environment,
    });
    onTestFinished(() => void worker.end("SIGKILL"));
    return worker;
  };
  await writeFile(join(spool, "config.json"), JSON.stringify({ artifacts: { bucket: { name, prefix, endpoint } } }));
  const first = await start(`${taskQueue}-other`);
  const second = await start(taskQueue);
  await server.stop();
  const connection = await Connection.connect({ address });
  const request = { code: "echo spoken; sleep 60", language: "sh" } as const;
  const { id, runId } = await startExecution(grpcRuns(new Client({ connection })), taskQueue, undefined, request, {});
  const spoken = async () =>
    Promise.all((await filesIn(spool)).filter((path) => path.includes("1.stdout")).map((path) => stat(path)));
  await expect.poll(async () => (await spoken()).map(({ size }) => size)).toEqual(["spoken\n".length]);
  await second.end("SIGKILL");
  await first.end("SIGTERM");
  await server.start();
  // It gets the number of the first.
  const next = await start(`${taskQueue}-other`);
  const key = runKey(id, runId);
  await expect.poll(() => readArtifact(reader, key, streamReference(key, 1, "stdout"))).toBe("spoken\n");
  await next.end("SIGTERM");
  await connection.close();
});
