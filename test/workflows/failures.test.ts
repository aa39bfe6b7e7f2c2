import { WorkflowFailedError } from "@temporalio/client";
import { ApplicationFailure } from "@temporalio/common";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { KgentsError } from "#core/contract/error";
import { type FailureKind, failureKinds, isFailureKind } from "#core/contract/failure";
import { executeCodeWorkflow } from "#core/contract/names";
import { outcome, scriptedProvider } from "../support/scripted-provider.ts";
import { startTestWorker, type TestWorker } from "../support/test-worker.ts";

const address = inject("temporalAddress");

/** Starts a run like any SDK: by type name, with JSON. Returns its failure. */
async function failureOf(worker: TestWorker, request: unknown): Promise<ApplicationFailure> {
  const workflowId = `plain-${crypto.randomUUID()}`;
  const run = worker.client.workflow.execute(executeCodeWorkflow, {
    workflowId,
    taskQueue: worker.taskQueue,
    args: [request],
  });
  const error = await run.then(
    () => expect.unreachable("the run was carried out"),
    (reason: unknown) => reason,
  );
  if (!(error instanceof WorkflowFailedError) || !(error.cause instanceof ApplicationFailure)) throw error;
  return error.cause;
}

describe("a request from any SDK is checked on our side", () => {
  let worker: TestWorker;
  beforeAll(async () => {
    worker = await startTestWorker(address, { providers: { subprocess: scriptedProvider("subprocess", {}) } });
  });
  afterAll(() => worker[Symbol.asyncDispose]());

  it.each<[string, unknown, FailureKind, string | undefined]>([
    ["a field out of bounds", { code: "x", timeout: -20 }, "invalid-request", "timeout"],
    ["no code", {}, "invalid-request", "code"],
    ["no object", "print(1)", "invalid-request", "request"],
    ["nothing", null, "invalid-request", "request"],
    ["an unknown field", { code: "x", tiemout: 3 }, "invalid-request", "tiemout"],
    ["an unknown language", { code: "x", language: "cobol" }, "unsupported-language", "language"],
  ])("%s", async (_name, request, kind, field) => {
    const failure = await failureOf(worker, request);
    expect(failure.type).toBe(kind);
    expect(failure.nonRetryable).toBe(true);
    expect(failure.details?.[0]).toMatchObject({ kind, field, remedy: expect.any(String) });
    if (field !== undefined) expect(failure.message).toContain(field);
  });

  it("a plain JSON request is run with the defaults", async () => {
    const result = await worker.client.workflow.execute(executeCodeWorkflow, {
      workflowId: `plain-${crypto.randomUUID()}`,
      taskQueue: worker.taskQueue,
      args: [{ code: "print(1)" }],
    });
    expect(result).toMatchObject({ status: "succeeded", exitCode: 0, language: "python", attempts: 1 });
  });
});

describe("failures of the infrastructure", () => {
  it.each(Object.keys(failureKinds).filter(isFailureKind))("%s fails the workflow by its name", async (kind) => {
    let attempts = 0;
    const cluster = scriptedProvider("kubernetes", {
      acquire: () => {
        attempts += 1;
        throw new KgentsError(kind, `made to fail as ${kind}`, { remedy: "none: this is a test" });
      },
    });
    await using worker = await startTestWorker(address, { providers: { kubernetes: cluster } });
    // The retries of the two transient kinds take time; here it is enough that they happen.
    if (failureKinds[kind].retryable) {
      const handle = await worker.start({ code: "x", backend: "kubernetes" });
      await expect.poll(() => attempts).toBeGreaterThan(2);
      await handle.cancel();
      expect(await handle.result()).toMatchObject({ status: "cancelled", attempts: 0, backend: null });
      return;
    }
    const failure = await failureOf(worker, { code: "x", backend: "kubernetes" });
    expect(failure).toMatchObject({ type: kind, message: `made to fail as ${kind}` });
    expect(failure.details?.[0]).toMatchObject({ kind, remedy: "none: this is a test" });
    expect(attempts).toBe(1);
  });

  it("a failure while the code runs fails the run after its clean-up", async () => {
    const cluster = scriptedProvider("kubernetes", {
      run: () => {
        throw new KgentsError("image-pull", "no such image");
      },
    });
    await using worker = await startTestWorker(address, { providers: { kubernetes: cluster } });
    const failure = await failureOf(worker, { code: "x" });
    expect(failure.type).toBe("image-pull");
    expect(cluster.calls).toEqual(["acquire", "run", "remove"]);
  });
});

it("input that is not in the store fails the run, and not its worker", async () => {
  await using worker = await startTestWorker(address);
  const missing = { artifact: "0".repeat(64), bytes: 3 };
  const requests: Record<string, unknown>[] = [
    { code: missing },
    { code: "true", files: [{ name: "a", content: missing }] },
    { code: "true", stdin: missing },
  ];
  const failed = await Promise.all(
    requests.map((request) => failureOf(worker, { ...request, language: "sh", backend: "subprocess", cpu: 1 })),
  );
  for (const { type, message } of failed) {
    expect(type).toBe("artifact-unavailable");
    expect(message).toContain(missing.artifact);
  }
  expect(await worker.run({ code: "true", language: "sh" })).toMatchObject({ status: "succeeded" });
});

describe("fallback", () => {
  const awayWhenAsked = () =>
    scriptedProvider("kubernetes", {
      available: false,
      acquire: () => {
        throw new KgentsError("cluster-unavailable", "the cluster is away");
      },
    });
  const awayWhenUsed = () =>
    scriptedProvider("kubernetes", {
      acquire: () => {
        throw new KgentsError("cluster-unavailable", "the API server went away");
      },
    });
  it.each([
    ["known to be away", awayWhenAsked, "the cluster is away"],
    ["found away", awayWhenUsed, "the API server went away"],
  ])("a cluster %s: the sandbox, and the result says why", async (_name, cluster, reason) => {
    const sandbox = scriptedProvider("subprocess", {});
    await using worker = await startTestWorker(address, { providers: { kubernetes: cluster(), subprocess: sandbox } });
    const result = await worker.run({ code: "x" });
    expect(result).toMatchObject({ backend: "subprocess", fallback: { from: "kubernetes", reason } });
    expect(sandbox.calls).toEqual(["acquire", "run", "remove"]);
  });

  it.each([
    ["fallback off, known", awayWhenAsked, { fallback: false }],
    ["fallback off, found", awayWhenUsed, { fallback: false }],
    ["kubernetes asked for", awayWhenUsed, { backend: "kubernetes" as const }],
  ])("%s: refused, and the sandbox is not touched", async (_name, cluster, request) => {
    const sandbox = scriptedProvider("subprocess", {});
    await using worker = await startTestWorker(address, { providers: { kubernetes: cluster(), subprocess: sandbox } });
    expect((await failureOf(worker, { code: "x", ...request })).type).toBe("cluster-unavailable");
    expect(sandbox.calls).toEqual([]);
  });

  it("once the code may have started there is no fallback", async () => {
    const cluster = scriptedProvider("kubernetes", {
      run: () => {
        throw new KgentsError("cluster-unavailable", "the API server went away");
      },
    });
    const sandbox = scriptedProvider("subprocess", {});
    await using worker = await startTestWorker(address, { providers: { kubernetes: cluster, subprocess: sandbox } });
    expect((await failureOf(worker, { code: "x" })).type).toBe("cluster-unavailable");
    expect(sandbox.calls).toEqual([]);
  });

  it("a backend that the worker does not serve is refused", async () => {
    await using worker = await startTestWorker(address, { providers: { kubernetes: awayWhenAsked() } });
    expect((await failureOf(worker, { code: "x", backend: "subprocess" })).type).toBe("backend-unavailable");
  });
});

describe("retry.maximumAttempts", () => {
  it.each([
    ["fails twice, then succeeds", 3, 2, "succeeded", 3],
    ["never succeeds", 2, 9, "failed", 2],
    ["is 1 by default", undefined, 9, "failed", 1],
  ] as const)("code that %s", async (_name, maximumAttempts, failures, status, attempts) => {
    let starts = 0;
    const sandbox = scriptedProvider("subprocess", {
      run: () => outcome({ exit: { code: ++starts <= failures ? 3 : 0, signal: null } }),
    });
    await using worker = await startTestWorker(address, { providers: { subprocess: sandbox } });
    const result = await worker.run({ code: "x", ...(maximumAttempts ? { retry: { maximumAttempts } } : {}) });
    expect(result).toMatchObject({ status, attempts });
    expect(starts).toBe(attempts);
  });
});
