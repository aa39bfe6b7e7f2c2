/**
 * Cluster failures, caused for real. Each run ends in time with its own failure or status, and leaves nothing behind.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ExecutionRequest } from "#core/contract/request";
import type { ExecutionResult } from "#core/contract/result";
import type { TestWorker } from "../support/test-worker.ts";
import { clientPod, denyByPolicy, hardenedJob, limitRange, resourceQuota } from "./manifests.ts";
import { type CellNamespace, cellNamespace, cluster, kubectl, node, startClusterWorker } from "./support.ts";

const sh = (code: string, more: Partial<ExecutionRequest> = {}): ExecutionRequest => ({
  ...{ code, language: "sh", cpu: 1, ttl: 1, backend: "kubernetes" },
  ...more,
});

interface Place extends AsyncDisposable {
  readonly namespace: CellNamespace;
  readonly worker: TestWorker;
  /** Waits until nothing of any cell is left, shortly after the TTL. */
  readonly empty: () => Promise<void>;
}

/** A namespace with the given changes, and a worker for it. */
async function place(prepare: (namespace: CellNamespace) => Promise<unknown> = async () => {}): Promise<Place> {
  const namespace = await cellNamespace();
  await prepare(namespace);
  const worker = await startClusterWorker(namespace.name);
  return {
    namespace,
    worker,
    empty: () => expect.poll(() => namespace.left(), { timeout: 60_000, interval: 300 }).toEqual([]),
    [Symbol.asyncDispose]: async () => {
      await worker[Symbol.asyncDispose]();
      await namespace[Symbol.asyncDispose]();
    },
  };
}

/** Waits for a run's first output on stdout. */
async function firstOutput(handle: Awaited<ReturnType<TestWorker["start"]>>): Promise<void> {
  for await (const event of handle.output()) if (event.type === "output") return;
}

const podOf = async ({ namespace }: Place): Promise<string> => {
  const names = await namespace.kubectl("get", "pods", "-l", "kgents.io/cell", "-o", "name");
  return names.trim();
};

describe("how code ends", () => {
  let here: Place;
  beforeAll(async () => {
    here = await place();
  });
  afterAll(() => here?.[Symbol.asyncDispose]());

  it.each<[name: string, request: ExecutionRequest, expected: Partial<ExecutionResult>, seconds: number]>([
    ["non-zero exit", sh("echo out; exit 3"), { status: "failed", exitCode: 3, signal: null }, 10],
    ["a signal", sh("kill -SEGV $$"), { status: "failed", exitCode: 139, signal: "SIGSEGV" }, 10],
    ["time-out", sh("echo out; sleep 60", { timeout: 1 }), { status: "timed-out" }, 10],
    [
      "the code's process out of memory",
      { ...sh("x = []\nwhile True: x.append(bytearray(1 << 20))"), language: "python", memory: "48Mi" },
      { status: "out-of-memory", exitCode: 137, signal: "SIGKILL" },
      15,
    ],
    [
      "a child out of memory, and the code gives up",
      {
        ...sh("import subprocess, sys\nsys.exit(subprocess.call([sys.executable, '-c', 'x = bytearray(10**9)']) != 0)"),
        ...{ language: "python", memory: "64Mi" },
      },
      { status: "out-of-memory", exitCode: 1 },
      15,
    ],
    [
      "a child out of memory, and the code copes",
      {
        ...sh("import subprocess, sys\nsubprocess.call([sys.executable, '-c', 'x = bytearray(10**9)'])"),
        ...{ language: "python", memory: "64Mi" },
      },
      { status: "succeeded", exitCode: 0 },
      15,
    ],
    [
      "the disk limit",
      sh("echo out; head -c 20000000 /dev/zero >big; sleep 60", { disk: "10Mi" }),
      { status: "failed", exitCode: 137, signal: "SIGKILL" },
      15,
    ],
    ["the output limit", sh("yes", { timeout: 60 }), { status: "output-limit" }, 40],
  ])("%s", async (_name, request, expected, seconds) => {
    const began = Date.now();
    const result = await here.worker.run(request);
    expect(result).toMatchObject({ backend: "kubernetes", attempts: 1, ...expected });
    if (JSON.stringify(request.code).includes("echo out")) expect(result.stdout.text).toBe("out\n");
    if (_name === "the disk limit") expect(result.reason).toContain("10Mi");
    expect(Date.now() - began).toBeLessThan(seconds * 1000);
    await here.empty();
  });

  it("its pod deleted from outside: lost, with the output it had", async () => {
    const handle = await here.worker.start(sh("echo before; sleep 60"));
    await firstOutput(handle);
    await here.namespace.kubectl("delete", "--wait=false", await podOf(here));
    const began = Date.now();
    const result = await handle.result();
    expect(result).toMatchObject({ status: "lost", exitCode: null, stdout: { text: "before\n" } });
    expect(result.reason).toContain("cell-deleted");
    expect(Date.now() - began).toBeLessThan(15_000);
    await here.empty();
  });

  it("its Job deleted from outside: lost, with the output it had", async () => {
    const handle = await here.worker.start(sh("echo before; sleep 60"));
    await firstOutput(handle);
    await here.namespace.kubectl("delete", "jobs", "--all", "--wait=false");
    const result = await handle.result();
    expect(result).toMatchObject({ status: "lost", stdout: { text: "before\n" } });
    expect(result.reason).toContain("cell-deleted");
    await here.empty();
  });

  it("its supervisor killed from the node: lost, with the output it had", async () => {
    const handle = await here.worker.start(sh("echo before; sleep 60"));
    await firstOutput(handle);
    const uid = await here.namespace.kubectl("get", await podOf(here), "-o", "jsonpath={.metadata.uid}");
    // The first process of the container: the supervisor, in the pod's cgroup.
    const find = `for p in /proc/[0-9]*; do grep -q "${uid}" $p/cgroup 2>/dev/null && tr '\\0' ' ' <$p/cmdline | grep -q kgents-supervisor && awk '/^NSpid/ && $NF == 1 {exit 0} /^NSpid/ {exit 1}' $p/status && echo \${p#/proc/}; done`;
    const found = (await node().run(["bash", "-c", find])).stdout.trim();
    expect(found).toMatch(/^\d+$/);
    await node().run(["kill", "-9", found]);
    const result = await handle.result();
    expect(result).toMatchObject({ status: "lost", exitCode: null, stdout: { text: "before\n" } });
    await here.empty();
  });
});

/** Refuses Jobs or pods, and waits until the API server enforces it. */
async function deny({ name, apply }: CellNamespace, resource: "jobs" | "pods"): Promise<void> {
  await apply(denyByPolicy(name, resource));
  const manifest = JSON.stringify(
    resource === "jobs" ? hardenedJob("probe", "busybox:1.37", ["true"]) : clientPod("probe"),
  );
  const create = () =>
    cluster
      .kubectl(["-n", name, "create", "--dry-run=server", "-f", "-"], { input: manifest })
      .then(({ stderr }) => stderr);
  await expect.poll(create, { timeout: 60_000 }).toContain("the tests do not want it");
}

describe("cells that cannot come to be", () => {
  it.each<
    [
      name: string,
      prepare: (namespace: CellNamespace) => Promise<unknown>,
      request: ExecutionRequest,
      kind: string,
      seconds: number,
    ]
  >([
    ["an image that does not exist", async () => {}, sh("true", { image: "127.0.0.1:5001/none:1" }), "image-pull", 40],
    ["an invalid image name", async () => {}, sh("true", { image: "busybox:1:2" }), "image-pull", 10],
    ["an image without a shell", async () => {}, sh("true", { image: "kgents-test/pause:1" }), "cell-start", 15],
    [
      "a LimitRange",
      (namespace) => namespace.apply(limitRange({ memory: "32Mi" })),
      sh("true", { memory: "64Mi" }),
      "admission-denied",
      10,
    ],
    ["an admission policy for Jobs", (namespace) => deny(namespace, "jobs"), sh("true"), "admission-denied", 20],
    ["an admission policy for pods", (namespace) => deny(namespace, "pods"), sh("true"), "admission-denied", 20],
  ])("%s", async (_name, prepare, request, kind, seconds) => {
    await using here = await place(prepare);
    const began = Date.now();
    await expect(here.worker.run(request)).rejects.toMatchObject({ code: kind, remedy: expect.stringMatching(/\.$/) });
    expect(Date.now() - began).toBeLessThan(seconds * 1000);
    await here.empty();
  });

  it.each<[name: string, quota: Parameters<typeof resourceQuota>, message: RegExp]>([
    [
      "more than a quota has in all",
      [{ pods: "10", "limits.memory": "100Mi" }],
      /^the quota test allows limits\.memory=100Mi in all, and the cell counts for 512Mi$/,
    ],
    ["a quota of no Jobs", [{ "count/jobs.batch": "0" }], /^the quota test allows count\/jobs\.batch=0 in all/],
    [
      "a quota that only the refusal of its pod tells of",
      [{ pods: "0" }, ["NotBestEffort"]],
      /test allows pods=0 in all/,
    ],
  ])("%s", async (_name, [hard, scopes], message) => {
    await using here = await place((namespace) => namespace.apply(resourceQuota(hard, scopes)));
    const began = Date.now();
    const failure = { code: "quota-exceeded", message: expect.stringMatching(message) };
    await expect(here.worker.run(sh("true"))).rejects.toMatchObject(failure);
    // Not only after the startup timeout, which is a minute.
    expect(Date.now() - began).toBeLessThan(15_000);
    await here.empty();
  });

  it("a runtime class that the cluster does not have", async () => {
    await using namespace = await cellNamespace();
    await using worker = await startClusterWorker(namespace.name, { runtimeClassName: "no-such-runtime" });
    await expect(worker.run(sh("true"))).rejects.toMatchObject({
      code: "admission-denied",
      message: expect.stringContaining("no-such-runtime"),
    });
  });

  afterAll(async () => {
    await kubectl(["delete", "validatingadmissionpolicy,validatingadmissionpolicybinding", "-l", "kgents-test"]);
  });
});
