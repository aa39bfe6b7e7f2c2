import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { Client, Connection } from "@temporalio/client";
import { startExecution } from "#client/sdk/start-execution";
import { grpcRuns } from "#client/sdk/temporal/grpc-runs";
import { builtInLanguages, findLanguage } from "#core/contract/language";
import type { ExecutionRequest } from "#core/contract/request";
import type { ExecutionResult } from "#core/contract/result";
import { networkIsolationAnnotation } from "#core/manifest/cluster-names";
import { openDirectoryStore } from "#platform/store/directory-store";
import type { TestCluster } from "../test/cluster/types.ts";
import { startDevServer } from "../test/support/dev-server.ts";
import { startWorkerProcess } from "../test/support/worker-process.ts";
import { firstByteDelay } from "./live-output.ts";
import { openCluster } from "./open-cluster.ts";
import { type Comparison, inPairs, median, timed } from "./statistics.ts";

const { image } = findLanguage(builtInLanguages, "python");
const program = "print('hello')";
const rounds = 20;
const run = promisify(execFile);

/** Returns a function that runs one program on the cluster through the API, with a separate server and worker. */
async function openKgents(temporal: string, cluster: TestCluster, namespace: string) {
  const directory = await mkdtemp(join(tmpdir(), "kgents-bench-"));
  const server = await startDevServer(temporal, join(directory, "temporal.db"));
  const file = join(directory, "kgents.yaml");
  await writeFile(file, JSON.stringify({ worker: { backends: ["kubernetes"], kubernetes: { namespace } } }));
  const worker = await startWorkerProcess(server.address, "bench", directory, {
    flags: ["--config", file],
    environment: { LOG_LEVEL: "info", KUBECONFIG: cluster.kubeconfig },
  });
  const connection = await Connection.connect({ address: server.address });
  const client = new Client({ connection });
  const store = await openDirectoryStore(join(directory, "state", "kgents", "artifacts"));
  const start = (request: ExecutionRequest) =>
    startExecution(grpcRuns(client), "bench", store, { ttl: 5, ...request }, {});
  return {
    start,
    execute: async (request: ExecutionRequest): Promise<ExecutionResult> => {
      const result = await (await start(request)).result();
      if (result.stdout.text !== "hello\n") throw new Error(`a run ended as ${result.status}: ${result.reason}`);
      return result;
    },
    [Symbol.asyncDispose]: async () => {
      await connection.close();
      await worker.end("SIGTERM");
      await server.stop();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** The same run made by hand with kubectl. */
function kubectlPeer(cluster: TestCluster, namespace: string): () => Promise<unknown> {
  let number = 0;
  const kubectl = async (...args: string[]): Promise<string> => {
    const { code, stdout, stderr } = await cluster.kubectl(["-n", namespace, ...args]);
    if (code !== 0) throw new Error(`kubectl ${args.join(" ")}: ${stderr}`);
    return stdout;
  };
  return async () => {
    number += 1;
    const name = `peer-${number}`;
    await kubectl("create", "job", name, `--image=${image}`, "--", "python3", "-c", program);
    await kubectl("wait", `job/${name}`, "--for=condition=complete", "--timeout=60s");
    if ((await kubectl("logs", `job/${name}`)) !== "hello\n") throw new Error("the peer's output is wrong");
  };
}

/** llm-sandbox in its own Python environment; undefined if it cannot be installed. */
async function openLlmSandbox(cluster: TestCluster, namespace: string) {
  const directory = await mkdtemp(join(tmpdir(), "kgents-bench-llm-sandbox-"));
  const python = join(directory, "bin", "python");
  try {
    await run("python3", ["-m", "venv", directory]);
    await run(python, ["-m", "pip", "install", "--quiet", "llm-sandbox[k8s]==0.3.46"]);
  } catch (error) {
    process.stderr.write(`bench: llm-sandbox cannot be installed: ${error}\n`);
    await rm(directory, { recursive: true, force: true });
    return undefined;
  }
  const script = fileURLToPath(new URL("./peer/llm-sandbox.py", import.meta.url));
  const child = spawn(python, [script, namespace, image], {
    stdio: ["pipe", "pipe", "inherit"],
    env: { ...process.env, KUBECONFIG: cluster.kubeconfig },
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    milliseconds: async (): Promise<number> => {
      child.stdin.write("\n");
      const { value, done } = await lines.next();
      if (done) throw new Error("llm-sandbox has ended");
      return Number(value);
    },
    [Symbol.asyncDispose]: async () => {
      const ended = once(child, "exit");
      child.stdin.end();
      await ended;
      await rm(directory, { recursive: true, force: true });
    },
  };
}

const line = (what: string, { ours, peer, ratio }: Comparison, goal: string): string =>
  `${what}: ours ${ours.toFixed(0)} ms, peer ${peer.toFixed(0)} ms, ratio ${ratio.toFixed(2)} (goal ${goal})`;

/** The median time of each phase of our runs. */
function* phases(results: readonly { result: ExecutionResult; total: number }[]): Generator<string> {
  const at = (time: string | null): number => Date.parse(time ?? "");
  const part = (name: string, of: (one: { result: ExecutionResult; total: number }) => number): string =>
    `  ${name}: ${median(results.map(of)).toFixed(0)} ms`;
  yield part("create the Job", ({ result: { timings } }) => at(timings.provisioned) - at(timings.queued));
  yield part(
    "schedule, start the container, deliver",
    ({ result: { timings } }) => at(timings.started) - at(timings.provisioned),
  );
  yield part("run, and collect", ({ result: { timings } }) => at(timings.finished) - at(timings.started));
  yield part(
    "the rest: start of the workflow, its end, the client",
    ({ result: { timings }, total }) => total - (at(timings.finished) - at(timings.queued)),
  );
}

/**
 * Measures a cold Job from the API to its result, compared with kubectl and llm-sandbox on the same node with the same
 * image.
 */
export async function* measureKubernetes({ temporal }: { temporal: string }): AsyncGenerator<string> {
  const { cluster, down } = await openCluster();
  const namespace = `bench-${process.pid}`;
  await cluster.kubectl(["create", "namespace", namespace]);
  await cluster.kubectl(["annotate", "namespace", namespace, `${networkIsolationAnnotation}=enforced`]);
  try {
    await using kgents = await openKgents(temporal, cluster, namespace);
    const results: { result: ExecutionResult; total: number }[] = [];
    const ours = (cpu: string) => async (): Promise<number> => {
      const start = performance.now();
      const result = await kgents.execute({ code: program, cpu });
      const total = performance.now() - start;
      results.push({ result, total });
      return total;
    };
    const peer = kubectlPeer(cluster, namespace);
    yield line(
      "beside kubectl create, wait, logs; p50",
      await inPairs(rounds, 2, ours("1"), () => timed(peer)),
      "<= 0.5",
    );
    yield* phases(results.slice(2));
    yield line("the same with a limit of 100m", await inPairs(5, 1, ours("100m"), () => timed(peer)), "none");
    const delays: number[] = [];
    for (let round = 0; round < rounds; round += 1) delays.push(await firstByteDelay(kgents.start));
    yield `first byte of live output after the code wrote it, p50: ${median(delays).toFixed(1)} ms by the store (goal <= 100)`;
    await using llmSandbox = await openLlmSandbox(cluster, namespace);
    if (llmSandbox)
      yield line("beside llm-sandbox, p50", await inPairs(rounds, 2, ours("1"), llmSandbox.milliseconds), "<= 0.6");
  } finally {
    await cluster.kubectl(["delete", "namespace", namespace, "--wait=false"]);
    await down();
  }
}
