/** Runs on the cluster, from the request to the removal of what is left. */
import { expect, it } from "vitest";
import { schemaErrors } from "../support/json-schemas.ts";
import { useClusterWorker } from "./support.ts";

const here = useClusterWorker();

it("a run gives its result, and its Job goes after its TTL", async () => {
  const handle = await here.worker.start({ code: "print('hello')", cpu: 1, ttl: 3 });
  const result = await handle.result();
  expect(schemaErrors("result", result)).toEqual([]);
  expect(result).toMatchObject({
    status: "succeeded",
    exitCode: 0,
    backend: "kubernetes",
    fallback: null,
    stdout: { text: "hello\n" },
    isolation: { level: "cluster", network: { enforced: true } },
  });
  expect((await here.namespace.left()).length).toBeGreaterThan(0);
  await expect.poll(() => here.namespace.left(), { timeout: 60_000, interval: 500 }).toEqual([]);
});
