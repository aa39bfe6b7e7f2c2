/** Listing and inspecting runs, including runs that another SDK started, and servers without search attributes. */
import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Connection } from "@temporalio/client";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { toKgentsError } from "#client/sdk/failure";
import type { Quartermaster } from "#client/sdk/quartermaster";
import type { ListOptions, RunSummary } from "#client/sdk/runs/list-runs";
import { aboutMemo, executeCodeWorkflow, searchAttributes } from "#core/contract/names";
import { askTemporal, openRunsOf } from "#worker/ask-temporal";
import { type DevServer, startDevServer } from "../support/dev-server.ts";
import { openYard, type Yard } from "./support.ts";

async function listed(quartermaster: Quartermaster, options?: ListOptions): Promise<RunSummary[]> {
  const runs: RunSummary[] = [];
  for await (const run of quartermaster.list(options)) runs.push(run);
  return runs;
}

/** Starts runs of many kinds, each with its id, and one that keeps running. */
async function populate(yard: Yard): Promise<() => Promise<void>> {
  const quartermaster = yard.quartermaster();
  const sh = { language: "shell", labels: { team: "red" }, requester: "tests" };
  const live = await quartermaster.start({ ...sh, code: "sleep 621.5", timeout: 700 }, { id: "live" });
  await quartermaster.execute({ ...sh, code: "\n  echo a # first\necho b" }, { id: "good" });
  await quartermaster.execute({ code: "exit(3)", labels: { team: "red", level: "high" } }, { id: "bad" });
  await quartermaster.execute({ code: "x", language: "cobol" }, { id: "refused" }).catch(() => {});
  const doomed = await quartermaster.start({ ...sh, code: "sleep 622.5", timeout: 700 }, { id: "doomed" });
  await yard.worker.client.workflow.getHandle(doomed.id).terminate("enough");
  // Like another SDK: without a memo.
  const options = { taskQueue: yard.worker.taskQueue, workflowId: "foreign" };
  const foreign = { code: "print(1)", labels: { from: "afar" } };
  await yard.worker.client.workflow.execute(executeCodeWorkflow, { ...options, args: [foreign] });
  return async () => {
    await live.cancel();
    await live.result();
  };
}

const cases: [name: string, options: ListOptions, ids: string[]][] = [
  ["all", {}, ["live", "good", "bad", "refused", "doomed", "foreign"]],
  ["those that run", { status: ["running"] }, ["live"]],
  ["those that succeeded", { status: ["succeeded"] }, ["good", "foreign"]],
  ["those that failed", { status: ["failed"] }, ["bad"]],
  ["those that could not be carried out", { status: ["error"] }, ["refused"]],
  ["those that were terminated, or run", { status: ["terminated", "running"] }, ["live", "doomed"]],
  ["none that timed out", { status: ["timed-out"] }, []],
  ["a language", { language: "python" }, ["bad", "foreign"]],
  ["a label", { labels: { team: "red" } }, ["live", "good", "bad", "doomed"]],
  ["two labels", { labels: { team: "red", level: "high" } }, ["bad"]],
  ["a label of another SDK's run", { labels: { from: "afar" } }, ["foreign"]],
  ["a quote in a value", { language: "it's \\ '" }, []],
  ["since then", { since: new Date(Date.now() - 3_600_000) }, ["live", "good", "bad", "refused", "doomed", "foreign"]],
  ["since tomorrow", { since: new Date(Date.now() + 86_400_000) }, []],
];

function testList(get: () => Quartermaster): void {
  it.each(cases)("%s", async (_, options, ids) => {
    // The list shows a run a moment after its end.
    await expect.poll(async () => (await listed(get(), options)).map(({ id }) => id).sort()).toEqual([...ids].sort());
  });
}

describe("with search attributes", () => {
  let yard: Yard;
  let finish: () => Promise<void>;
  beforeAll(async () => {
    yard = await openYard(inject("temporalAddress"));
    finish = await populate(yard);
  });
  afterAll(async () => {
    await finish();
    await yard[Symbol.asyncDispose]();
  });

  testList(() => yard.quartermaster());

  it("says what is known of each, those that run first", async () => {
    const runs = await listed(yard.quartermaster());
    expect(runs[0]).toMatchObject({ id: "live", status: "running", closedAt: null });
    expect(runs.find(({ id }) => id === "good")).toEqual({
      id: "good",
      runId: expect.any(String),
      status: "succeeded",
      language: "sh",
      backend: "subprocess",
      labels: { team: "red" },
      requester: "tests",
      title: "echo a # first",
      startedAt: expect.any(Date),
      closedAt: expect.any(Date),
    });
    expect(runs.find(({ id }) => id === "foreign")).toMatchObject({ title: "print(1)", language: "python" });
  });

  it("lists at most so many, and only of its task queue", async () => {
    expect(await listed(yard.quartermaster(), { limit: 2 })).toHaveLength(2);
    const other = yard.quartermaster({ taskQueue: `none-${randomUUID()}`, startLocalStack: false });
    expect(await listed(other)).toEqual([]);
  });

  it("inspects a run that goes on", async () => {
    const handle = await yard.quartermaster().get("live");
    await expect.poll(async () => (await handle.inspect()).phase).toBe("executing");
    expect(await handle.inspect()).toMatchObject({
      id: "live",
      status: "running",
      backend: "subprocess",
      result: null,
      failure: null,
      request: { code: "sleep 621.5", timeout: 700 },
      taskQueue: yard.worker.taskQueue,
      isolation: { level: "sandbox" },
      fallback: null,
      timings: { queued: expect.any(Date), provisioned: expect.any(Date), finished: null, closed: null },
    });
  });

  it("inspects one that is over", async () => {
    const details = await (await yard.quartermaster().get("bad")).inspect();
    expect(details).toMatchObject({ status: "failed", phase: null, result: { exitCode: 3 }, failure: null });
    const { queued, provisioned, started, finished, closed } = details.timings;
    const moments = [queued, provisioned, started, finished, closed].map((moment) => moment?.getTime() ?? Number.NaN);
    expect(moments).toEqual([...moments].sort((left, right) => left - right));
  });

  it("inspects one that could not be carried out", async () => {
    expect(await (await yard.quartermaster().get("refused")).inspect()).toMatchObject({
      status: "error",
      result: null,
      isolation: null,
      backend: null,
      failure: { kind: "unsupported-language", field: "language", remedy: expect.any(String) },
    });
    expect(await (await yard.quartermaster().get("doomed")).inspect()).toMatchObject({
      status: "terminated",
      failure: { kind: "terminated", message: "the run doomed was terminated: enough" },
    });
  });

  it("whose output nobody reads may fail all the same: no rejection ends the process", async () => {
    const unhandled: unknown[] = [];
    const note = (reason: unknown): void => void unhandled.push(reason);
    process.on("unhandledRejection", note);
    const handle = await yard.quartermaster().get("refused");
    handle.output();
    // This queries the server more often than the result does.
    await handle.inspect();
    await handle.inspect();
    process.off("unhandledRejection", note);
    expect(unhandled).toEqual([]);
  });

  it.each([
    ["liv", "live"],
    ["refusde", "refused"],
  ])("the id %s: suggests %s", async (id, meant) => {
    // Other test files share the server; their ids are long and random.
    await expect(yard.quartermaster().get(id)).rejects.toMatchObject({
      code: "not-found",
      message: `there is no run ${id} (did you mean ${meant}?)`,
    });
  });

  it("a run that nobody here can decode hides no other, and can be looked at and ended", async () => {
    const { client } = yard.worker;
    const taskQueue = `sealed-${randomUUID()}`;
    const quartermaster = yard.quartermaster({ taskQueue, startLocalStack: false });
    const sealed = { metadata: { encoding: Buffer.from("binary/encrypted") }, data: Buffer.from("sealed") };
    const workflowId = `${taskQueue}-run`;
    const other = await client.workflow.start(executeCodeWorkflow, {
      taskQueue,
      workflowId: `${taskQueue}-other`,
      args: [{ code: "print(1)" }],
    });
    await client.workflowService.startWorkflowExecution({
      namespace: client.options.namespace,
      workflowId,
      requestId: randomUUID(),
      taskQueue: { name: taskQueue },
      workflowType: { name: executeCodeWorkflow },
      input: { payloads: [sealed] },
      memo: { fields: { [aboutMemo]: sealed } },
    });
    const ids = async () => (await listed(quartermaster)).map(({ id }) => id).sort();
    await expect.poll(ids).toEqual([other.workflowId, workflowId]);
    const handle = await quartermaster.get(workflowId);
    expect(await handle.inspect()).toMatchObject({ status: "running", title: "(no code)", request: null });
    expect(await askTemporal(client)(workflowId, handle.runId)).toEqual({ open: true });
    expect(await openRunsOf(client)([workflowId, "live"])).toContain(handle.runId);
    await handle.cancel();
    for (const id of await ids()) await client.workflow.getHandle(id).terminate();
  });

  it.each([true, false])("reads the output so far, with the store: %s", async (shared) => {
    const code = "echo begun; echo oops >&2; sleep 623.5";
    const handle = await yard
      .quartermaster({ shared })
      .start({ code, language: "sh", timeout: 700, live: "heartbeat" }, { id: `glance-${randomUUID()}` });
    const soFar = async (): Promise<Record<string, string>> => {
      const read = { stdout: "", stderr: "" };
      for await (const event of handle.outputSoFar()) {
        if (event.type === "output") read[event.stream] += Buffer.from(event.bytes).toString();
      }
      return read;
    };
    await expect.poll(soFar).toEqual({ stdout: "begun\n", stderr: "oops\n" });
    await handle.cancel();
    await handle.result();
    expect(await soFar()).toEqual({ stdout: "begun\n", stderr: "oops\n" });
  });
});

describe("where the search attributes cannot be registered", () => {
  let directory: string;
  let server: DevServer;
  let yard: Yard;
  let finish: () => Promise<void>;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), "kgents-plain-"));
    server = await startDevServer(inject("temporalBinary"), join(directory, "temporal.db"), { stock: true });
    const connection = await Connection.connect({ address: server.address });
    // The name is already used with another type: `INDEXED_VALUE_TYPE_INT`.
    const taken = { [searchAttributes.status]: 3 };
    await connection.operatorService.addSearchAttributes({ namespace: "default", searchAttributes: taken });
    await connection.close();
    yard = await openYard(server.address);
    finish = await populate(yard);
  });
  afterAll(async () => {
    await finish();
    await yard[Symbol.asyncDispose]();
    await server.stop();
    await rm(directory, { recursive: true, force: true });
  });

  testList(() => yard.quartermaster());

  it("says that it looks at each run", async () => {
    const remarks: string[] = [];
    await listed(yard.quartermaster(), { status: ["failed"], onRemark: (remark) => remarks.push(remark) });
    expect(remarks).toEqual(["this namespace lacks kgents' search attributes, so each run is read from its history"]);
  });
});

it("a server that refuses the service's own call is said as one that does not answer", async () => {
  const connection = await Connection.connect({ address: inject("temporalAddress") });
  const refused = await connection.workflowService
    .getWorkflowExecutionHistory({ namespace: "no-such-namespace", execution: { workflowId: "x" } })
    .catch((error: unknown) => error);
  await connection.close();
  expect(toKgentsError(refused, "x")).toMatchObject({
    code: "temporal-unavailable",
    message: expect.stringContaining("no-such-namespace"),
  });
});
