/**
 * A dead watch of the cells' pods: cells still start, end and are removed, because the worker also queries the server.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { apiProxy } from "./api-proxy.ts";
import { until } from "./moments.ts";
import { cellNamespace, startClusterWorker } from "./support.ts";

const request = { code: "echo done", language: "sh", backend: "kubernetes", ttl: 1 } as const;

it("runs while the watch is dead", async () => {
  const directory = await mkdtemp(join(tmpdir(), "kgents-silent-"));
  await using namespace = await cellNamespace();
  await using proxy = await apiProxy(join(directory, "kubeconfig"));
  await using worker = await startClusterWorker(namespace.name, { kubeconfig: proxy.kubeconfig });
  await worker.run(request);
  const empty = () => until("the end of the cell", async () => (await namespace.left()).length === 0, 250);
  await empty();
  proxy.freezeWatches();
  expect(await worker.run(request)).toMatchObject({ status: "succeeded", stdout: { text: "done\n" }, attempts: 1 });
  await empty();

  // The watch dies while the cell runs, so the cell never appears to end.
  const handle = await worker.start({ ...request, code: "echo begun; sleep 2" });
  for await (const event of handle.output()) if (event.type === "output") break;
  proxy.freezeWatches();
  expect(await handle.result()).toMatchObject({ status: "succeeded", stdout: { text: "begun\n" } });
  await empty();
  await rm(directory, { recursive: true, force: true });
});
