/** The artifact store as docker-compose.yml has it, beside its Temporal server: workers and clients with no disk in common. */
import { randomUUID } from "node:crypto";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { afterAll, beforeAll, expect, inject, it } from "vitest";
import { parse } from "yaml";
import { type CommandLine, createCommandLine } from "../support/command-line.ts";
import { freePort } from "../support/dev-server.ts";
import { runOrFail } from "../support/run.ts";
import { startWorkerProcess, type WorkerProcess } from "../support/worker-process.ts";
import { composeFile, root, serviceOf } from "./compose-file.ts";
import { type ServerProcess, startServerProcess } from "./processes.ts";
import { buildGateway } from "./programs.ts";

let directory: string;
let store: ServerProcess;
let commandLine: CommandLine;
let worker: WorkerProcess;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "kgents-store-"));
  const secrets = join(directory, "secrets");
  await runOrFail([join(root, "deploy/compose/make-secrets.sh"), secrets]);
  const service = serviceOf(await composeFile(inject("productionPrograms")), "store");
  const gateway = await buildGateway((line) => process.stderr.write(`tests: ${line}\n`));
  const port = await freePort();
  const here = { "/data": directory, "/run/secrets": secrets, ":7070": `127.0.0.1:${port}` };
  const placed = Object.entries(service.environment ?? {}).map(([name, value]) => [
    name,
    Object.entries(here).reduce((text, [there, place]) => text.replace(there, place), value),
  ]);
  store = await startServerProcess(
    ["/bin/sh", join(root, "deploy/compose/run-store.sh")],
    { env: { PATH: [dirname(gateway), process.env.PATH].join(delimiter), ...Object.fromEntries(placed) } },
    () =>
      runOrFail([
        "openssl",
        "s_client",
        "-connect",
        `127.0.0.1:${port}`,
        "-CAfile",
        join(secrets, "ca.crt"),
        "-verify_return_error",
      ]).then(
        () => true,
        () => false,
      ),
    "SIGTERM",
  );
  const environment = {
    ...inject("productionEnvironment"),
    TEMPORAL_NAMESPACE: `store-${randomUUID()}`,
    AWS_SHARED_CREDENTIALS_FILE: join(secrets, "store-credentials"),
    NODE_EXTRA_CA_CERTS: join(secrets, "ca.crt"),
  };
  commandLine = await createCommandLine({ environment });
  const configuration = parse(await readFile(join(root, "deploy/compose/kgents.config.yaml"), "utf8"));
  configuration.worker.backends = ["subprocess"];
  configuration.artifacts.bucket.endpoint = `https://localhost:${port}`;
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
  await store?.stop();
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
