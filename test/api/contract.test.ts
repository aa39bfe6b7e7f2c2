/**
 * The contract with other SDKs: docs/any-language.md and docs/schema/ against runs started with Temporal's client
 * alone.
 */
import { readFile } from "node:fs/promises";
import { WorkflowFailedError, type WorkflowHandle } from "@temporalio/client";
import { ApplicationFailure } from "@temporalio/common";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { aboutMemo, defaultTaskQueue, requestHashMemo, searchAttributes } from "#core/contract/names";
import { runStatuses } from "#core/contract/run-status";
import * as workflows from "#workflows/index";
import { schemaErrors } from "../support/json-schemas.ts";
import { startTestWorker, type TestWorker } from "../support/test-worker.ts";

const page = await readFile(new URL("../../docs/any-language.md", import.meta.url), "utf8");
/** The first column of the table under a heading. */
const documented = (heading: string): string[] => {
  const [, section = ""] = page.split(new RegExp(`^### ${heading}$`, "m"));
  const [table = ""] = section.split(/^#/m);
  return [...table.matchAll(/^\| `([^`]+)`/gm)].map(([, name = ""]) => name);
};

let worker: TestWorker;
let count = 0;
beforeAll(async () => {
  worker = await startTestWorker(inject("temporalAddress"), {
    configuration: { worker: { backends: ["subprocess"] } },
  });
});
afterAll(() => worker[Symbol.asyncDispose]());

function start(request: unknown): Promise<WorkflowHandle> {
  count += 1;
  const { client, taskQueue } = worker;
  return client.workflow.start("executeCode", { taskQueue, workflowId: `${taskQueue}-${count}`, args: [request] });
}

const sh = (code: string, more: object = {}) => ({ code, language: "sh", ...more });

describe("results are as the schema says", () => {
  const cases: [name: string, request: object, expected: object][] = [
    ["succeeded", sh("echo hi"), { status: "succeeded", exitCode: 0, stdout: { text: "hi\n" } }],
    ["failed", sh("exit 3"), { status: "failed", exitCode: 3 }],
    ["ended by a signal", sh("kill -9 $$"), { status: "failed", signal: "SIGKILL" }],
    ["timed out", sh("echo begun; sleep 60", { timeout: "500ms" }), { status: "timed-out" }],
    ["output limit", sh("yes"), { status: "output-limit", stdout: { truncated: true } }],
    ["bytes that are no text", sh("printf '\\377'"), { stdout: { encoding: "base64", text: "/w==" } }],
    ["files", sh("echo a >a; ln -s /etc/passwd b", { outputs: ["*"] }), { files: [{ name: "a", base64: "YQo=" }] }],
    ["a second start", sh("exit 1", { retry: { maximumAttempts: 2 } }), { status: "failed", attempts: 2 }],
    [
      "more memory than there is",
      { code: "x = bytearray(2**30)" },
      { exitCode: expect.any(Number), timings: { started: expect.any(String) } },
    ],
  ];
  test.each(cases)("%s", async (_, request, expected) => {
    expect(schemaErrors("request", request)).toEqual([]);
    const result = await (await start(request)).result();
    expect(result).toMatchObject(expected);
    expect(schemaErrors("result", result)).toEqual([]);
  });

  test("cancelled, before and while the code runs: the workflow completes", async () => {
    const early = await start(sh("sleep 60"));
    await early.cancel();
    const late = await start(sh("echo begun; sleep 600", { live: "heartbeat" }));
    await expect.poll(async () => JSON.stringify((await late.describe()).raw.pendingActivities)).toContain("heartbeat");
    await late.cancel();
    for (const handle of [early, late]) {
      const result = await handle.result();
      expect(result).toMatchObject({ status: "cancelled" });
      expect(schemaErrors("result", result)).toEqual([]);
      expect((await handle.describe()).status.name).toBe("COMPLETED");
    }
  });
});

describe("requests as other languages write them", () => {
  test.each([
    { code: "print(1)", timeout: 30.0, cpu: 0.5, memory: 134_217_728, disk: 1e8 },
    { code: "print(1)", timeout: "30", cpu: "1", memory: "0.25Gi", disk: "100M", ttl: 0 },
    { code: "print(1)", timeout: " 1m ", startupTimeout: "90s", retry: {} },
    { code: { base64: "cHJpbnQoMSk=" }, files: [], args: [], env: {}, labels: { team: "red" } },
    { entrypoint: "a/b.py", files: [{ name: "a/b.py", content: "print(1)", executable: false }] },
  ])("%j", async (request) => {
    expect(schemaErrors("request", request)).toEqual([]);
    expect(await (await start(request)).result()).toMatchObject({ status: "succeeded", stdout: { text: "1\n" } });
  });
});

describe("failures are as the schema says", () => {
  test.each([
    ["invalid-request", "stdin", { code: "x", stdin: null }],
    ["invalid-request", "timeout", { code: "x", timeout: -1 }],
    ["invalid-request", "request", undefined],
    ["invalid-request", "request", '{"code":"x"}'],
    ["invalid-request", "request", { code: "x".repeat(2 ** 20) }],
    ["unsupported-language", "language", { code: "x", language: "cobol" }],
    ["backend-unavailable", undefined, { code: "x", backend: "kubernetes" }],
    ["artifact-unavailable", undefined, { code: { artifact: "0".repeat(64), bytes: 1 } }],
  ])("%s %s", async (kind, field, request) => {
    const handle = await start(request);
    const error = await handle.result().catch((thrown) => thrown);
    expect(error).toBeInstanceOf(WorkflowFailedError);
    const { cause } = error as WorkflowFailedError;
    expect(cause).toBeInstanceOf(ApplicationFailure);
    const { type, nonRetryable, details } = cause as ApplicationFailure;
    expect({ type, nonRetryable, ...(details?.[0] as object) }).toMatchObject({
      type: kind,
      nonRetryable: true,
      kind,
      ...(field === undefined ? {} : { field }),
    });
    expect(schemaErrors("failure", details?.[0])).toEqual([]);
  });
});

describe("the names in docs/any-language.md are those that there are", () => {
  test("workflow types", () => {
    expect([...documented("Workflow types")].sort()).toEqual(Object.keys(workflows));
    expect(page).toContain(`task queue \`${defaultTaskQueue}\``);
  });

  test("queries, signals and updates", async () => {
    const handle = await start(sh("true"));
    await handle.result();
    const { definition } = await handle.query<{
      definition: Record<"queryDefinitions" | "signalDefinitions" | "updateDefinitions", { name: string }[]>;
    }>("__temporal_workflow_metadata");
    const names = definition.queryDefinitions.map(({ name }) => name).filter((name) => !name.startsWith("__"));
    expect(documented("Queries")).toEqual(names);
    expect([definition.signalDefinitions, definition.updateDefinitions]).toEqual([[], []]);
    expect(page).toContain("There are no signals and no updates.");
    expect(await handle.query("phase")).toBe("done");
  });

  test("search attributes, memos, statuses", async () => {
    expect(documented("Search attributes and memos")).toEqual([
      ...Object.values(searchAttributes),
      ...[requestHashMemo, aboutMemo],
    ]);
    for (const status of runStatuses) expect(page).toContain(`\`${status}\``);
    const handle = await start(sh("true", { requester: "a-test" }));
    await handle.result();
    const { searchAttributes: attributes } = await handle.describe();
    expect(attributes).toMatchObject({
      KgentsLanguage: ["sh"],
      KgentsBackend: ["subprocess"],
      KgentsStatus: ["succeeded"],
      KgentsRequester: ["a-test"],
    });
  });
});
