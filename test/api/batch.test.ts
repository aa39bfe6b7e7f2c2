/** Batches through the API. */
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { type BatchItem, type ExecutionRequest, KgentsError } from "#client/index";
import { openYard, type Yard } from "./support.ts";

let yard: Yard;
beforeAll(async () => {
  yard = await openYard(inject("temporalAddress"));
});
afterAll(() => yard[Symbol.asyncDispose]());

const sh = (code: string, more: ExecutionRequest = {}): ExecutionRequest => ({ code, language: "sh", cpu: 1, ...more });
const newId = (): string => `batch-${randomUUID()}`;

async function all(items: AsyncIterable<BatchItem>): Promise<BatchItem[]> {
  const came: BatchItem[] = [];
  for await (const item of items) came.push(item);
  return came;
}

/** The status and output of each item. */
const inWords = (items: readonly BatchItem[]): string[] =>
  items.map(({ result, failure }) => (result ? `${result.status} ${result.stdout.text.trim()}` : `${failure?.kind}`));

describe.each([
  ["with the store", true],
  ["where the store is out of reach", false],
])("%s", (_, shared) => {
  it("gives what became of each request, in their order", async () => {
    const quartermaster = yard.quartermaster({ shared });
    const id = newId();
    // The first requests end last.
    const requests = [
      sh("sleep 1; echo one"),
      sh("echo two; exit 3"),
      sh("sleep 60", { timeout: 0.5 }),
      { code: "x", language: "klingon" },
      ...Array.from({ length: 60 }, (_, index) => sh(`echo ${index}`)),
    ];
    const items = await all(quartermaster.batch(requests, { id, concurrency: 8 }));
    expect(items.map(({ index, id: run }) => [index, run])).toEqual(
      requests.map((_, index) => [index, `${id}/${index + 1}`]),
    );
    expect(inWords(items)).toEqual([
      ...["succeeded one", "failed two", "timed-out", "unsupported-language"].map((words) =>
        words === "timed-out" ? "timed-out " : words,
      ),
      ...Array.from({ length: 60 }, (_, index) => `succeeded ${index}`),
    ]);
    const handle = await quartermaster.startBatch(requests, { id });
    expect(handle.attached).toBe(true);
    expect(await handle.summary()).toEqual({
      total: 64,
      started: 64,
      cancelled: false,
      outcomes: { succeeded: 61, failed: 1, "timed-out": 1, error: 1 },
    });
    // A batch's runs are ordinary runs.
    expect(await (await quartermaster.get(`${id}/2`)).inspect()).toMatchObject({
      status: "failed",
      language: "sh",
      title: "echo two; exit 3",
    });
  });
});

describe("before anything is started", () => {
  it.each<[string, ExecutionRequest[], string, RegExp]>([
    ["a request that is wrong", [sh("true"), sh("true", { timeout: -1 })], "timeout", /^request 2: timeout: got -1; /],
    ["no request", [], "requests", /^requests: got none/],
    [
      "a request that is too large",
      [sh("true", { env: bulk() })],
      "request",
      /^request 1: request: got 1\d{5} bytes of JSON without code, stdin and files; allowed are 16384/,
    ],
  ])("%s is refused by name", async (_name, requests, field, message) => {
    const id = newId();
    const refused = await yard
      .quartermaster()
      .startBatch(requests, { id })
      .catch((error) => error);
    expect(refused).toBeInstanceOf(KgentsError);
    expect(refused).toMatchObject({ code: "invalid-request", field, message: expect.stringMatching(message) });
    await expect(yard.worker.client.workflow.getHandle(id).describe()).rejects.toThrow();
  });

  it.each([0, 101, 1.5, Number.NaN])("%d at once is refused", async (concurrency) => {
    await expect(yard.quartermaster().startBatch([sh("true")], { concurrency })).rejects.toMatchObject({
      code: "invalid-request",
      field: "concurrency",
    });
  });

  it("more than the history takes is refused where the store is out of reach, and taken where it is not", async () => {
    const requests = Array.from({ length: 12 }, () => sh(`: ${"x".repeat(100_000)}`));
    await expect(yard.quartermaster({ shared: false }).startBatch(requests)).rejects.toMatchObject({
      code: "invalid-request",
      field: "requests",
      remedy: expect.stringContaining("Share the artifact store"),
    });
    const items = await all(yard.quartermaster().batch(requests));
    expect(new Set(inWords(items))).toEqual(new Set(["succeeded "]));
  });
});

/** Variables of 30 KiB each. */
function bulk(): Record<string, string> {
  return Object.fromEntries(Array.from({ length: 5 }, (_, index) => [`V${index}`, "v".repeat(30_000)]));
}

it("the same id means the same requests", async () => {
  const quartermaster = yard.quartermaster();
  const id = newId();
  await quartermaster.startBatch([sh("true")], { id });
  await expect(quartermaster.startBatch([sh("false")], { id })).rejects.toMatchObject({ code: "id-conflict" });
  const run = await quartermaster.start(sh("true"));
  await expect(quartermaster.startBatch([sh("true")], { id: run.id })).rejects.toMatchObject({ code: "id-conflict" });
});

it("cancelled: no more is started, what runs is cleaned up, and each request has an answer", async () => {
  const id = newId();
  const requests = Array.from({ length: 20 }, (_, index) => sh(`echo ${index}; sleep 600`, { timeout: 900 }));
  const handle = await yard.quartermaster().startBatch(requests, { id, concurrency: 3 });
  const items = all(handle.items());
  const third = yard.worker.client.workflow.getHandle(`${id}/3`);
  await expect.poll(() => third.query("phase").catch(() => null)).toBe("executing");
  await handle.cancel();
  expect(await handle.summary()).toMatchObject({ total: 20, cancelled: true });
  const came = await items;
  expect(came.slice(0, 3).map(({ result }) => result?.status)).toEqual(["cancelled", "cancelled", "cancelled"]);
  expect(came).toHaveLength(20);
  expect(came[19]).toMatchObject({ result: null, failure: { kind: "terminated" } });
  for await (const run of yard.quartermaster().list({ status: ["running"] })) expect(run.id).not.toContain(id);
});

it("goes on in a new history when the old one has grown: all results, each once", async () => {
  const id = newId();
  const requests = Array.from({ length: 130 }, (_, index) => sh(`echo ${index}; head -c 30000 /dev/zero | tr '\\0' x`));
  const handle = await yard.quartermaster({ shared: false }).startBatch(requests, { id, concurrency: 20 });
  let next = 0;
  for await (const { index, result } of handle.items()) {
    expect(index).toBe(next);
    expect(result).toMatchObject({ status: "succeeded", stdout: { truncated: false } });
    expect(result?.stdout.text.startsWith(`${index}\n`)).toBe(true);
    next += 1;
  }
  expect(await handle.summary()).toMatchObject({ total: 130, started: 130, outcomes: { succeeded: 130 } });
  const parts = yard.worker.client.workflow.list({ query: `WorkflowId = '${id}'` });
  const numberOf = async (): Promise<number> => {
    let number = 0;
    for await (const _ of parts) number += 1;
    return number;
  };
  await expect.poll(numberOf).toBeGreaterThan(1);
  expect((await yard.quartermaster().startBatch(requests, { id })).attached).toBe(true);
}, 180_000);

describe("output that does not pass the batch's history", () => {
  const request = sh("head -c 200000 /dev/zero | tr '\\0' x; head -c 30000 /dev/zero >file", { outputs: ["file"] });

  it("is in the results all the same, read from the store", async () => {
    const [item] = await all(yard.quartermaster().batch([request]));
    expect(item?.result).toMatchObject({
      stdout: { text: "x".repeat(200_000), truncated: false },
      files: [{ name: "file", bytes: 30_000, ref: expect.any(String) }],
    });
    const kept = await yard.worker.client.workflow.getHandle(item?.id ?? "").result();
    expect(JSON.stringify(kept).length).toBeLessThan(14 * 1024);
  });

  it("is cut where the store is out of reach", async () => {
    const [item] = await all(yard.quartermaster({ shared: false }).batch([request]));
    expect(item?.result?.stdout).toMatchObject({ truncated: true, bytes: 200_000 });
    expect(item?.result?.stdout.text.length).toBeGreaterThan(30_000);
  });
});
