/** Runs on the cluster, from the request to the removal of what is left. */
import { afterAll, beforeAll, expect, it } from "vitest";
import type { TestWorker } from "../support/test-worker.ts";
import { type CellNamespace, cellNamespace, startClusterWorker } from "./support.ts";

let namespace: CellNamespace;
let worker: TestWorker;
beforeAll(async () => {
  namespace = await cellNamespace();
  worker = await startClusterWorker(namespace.name);
});
afterAll(async () => {
  await worker?.[Symbol.asyncDispose]();
  await namespace?.[Symbol.asyncDispose]();
});

it("a run gives its result, and its Job goes after its TTL", async () => {
  const handle = await worker.start({ code: "print('hello')", cpu: 1, ttl: 3 });
  expect(await handle.result()).toMatchObject({
    status: "succeeded",
    exitCode: 0,
    backend: "kubernetes",
    fallback: null,
    stdout: { text: "hello\n" },
    isolation: { level: "cluster", network: { enforced: true } },
  });
  expect((await namespace.left()).length).toBeGreaterThan(0);
  await expect.poll(() => namespace.left(), { timeout: 20_000, interval: 500 }).toEqual([]);
});
