/** The artifact store of docker-compose.yml with its Temporal server: workers and clients without a shared disk. */
import { randomUUID } from "node:crypto";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, inject, it } from "vitest";
import { parse } from "yaml";
import { type CommandLine, createCommandLine } from "../support/command-line.ts";
import { startWorkerProcess, type WorkerProcess } from "../support/worker-process.ts";
import { type ArtifactStoreServer, startArtifactStore } from "./artifact-store.ts";
import { root } from "./compose-file.ts";

let directory: string;
let store: ArtifactStoreServer;
let commandLine: CommandLine;
let worker: WorkerProcess;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "kgents-store-test-"));
  store = await startArtifactStore();
  const environment = {
    ...inject("productionEnvironment"),
    ...store.environment,
    TEMPORAL_NAMESPACE: `store-${randomUUID()}`,
  };
  commandLine = await createCommandLine({ environment });
  const configuration = parse(await readFile(join(root, "deploy/compose/kgents.config.yaml"), "utf8"));
  configuration.worker.backends = ["subprocess"];
  configuration.artifacts.bucket.endpoint = `https://localhost:${store.port}`;
  await commandLine.file("config/kgents/kgents.config.yaml", JSON.stringify(configuration));
  const file = await commandLine.file("worker.yaml", JSON.stringify(configuration));
  expect(await commandLine.run(["admin", "setup"])).toMatchObject({ code: 0 });
  worker = await startWorkerProcess(inject("temporalAddress"), "kgents", join(directory, "worker"), {
    environment,
    flags: ["--config", file],
  });
});
afterAll(async () => {
  await worker?.end("SIGTERM");
  await commandLine?.[Symbol.asyncDispose]();
  await store?.[Symbol.asyncDispose]();
  await rm(directory, { recursive: true, force: true });
});

it("output that no result can hold reaches a client elsewhere, byte for byte", async () => {
  const code = "import sys; sys.stdout.write('0123456789' * 300_000)";
  const { code: exit, bytes, stderr } = await commandLine.run(["exec", "--quiet", "--cpu", "1", "--code", code]);
  expect({ exit, stderr }).toEqual({ exit: 0, stderr: "" });
  expect(bytes.equals(Buffer.from("0123456789".repeat(300_000)))).toBe(true);
});

it("doctor finds it", async () => {
  expect((await commandLine.run(["doctor"])).stdout).toMatch(/^ok +Artifacts +in the bucket kgents-artifacts$/m);
});
