/** The pages of the Temporal UI for runs in the sandbox, and that code cannot forge them. */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, inject, it } from "vitest";
import { createKubernetesProvider } from "#cells/kubernetes/provider";
import { freePort } from "../support/dev-server.ts";
import { startTestWorker, type TestWorker } from "../support/test-worker.ts";
import { tellStories } from "./tell-stories.ts";
import { kubeconfigTo, workerWithBoth } from "./without-cluster.ts";

let worker: TestWorker;
let directory: string;
beforeAll(async () => {
  worker = await startTestWorker(inject("temporalAddress"));
  directory = await mkdtemp(join(tmpdir(), "kgents-ui-"));
});
afterAll(async () => {
  await worker[Symbol.asyncDispose]();
  await rm(directory, { recursive: true, force: true });
});

tellStories(
  "subprocess",
  () => worker,
  async () => {
    const server = `https://127.0.0.1:${await freePort()}`;
    const kubeconfig = await kubeconfigTo(server, join(directory, "kubeconfig"));
    const away = createKubernetesProvider({ kubeconfig, namespace: "away", instance: "away", log: () => {} });
    return workerWithBoth(inject("temporalAddress"), away, directory);
  },
);

it("the searches of docs/ui.md are searches", async () => {
  const page = await readFile(new URL("../../docs/ui.md", import.meta.url), "utf8");
  const [, block = ""] = /```\n(.*?)\n```/s.exec(page) ?? [];
  const searches = block.split("\n");
  expect(searches.length).toBeGreaterThan(2);
  for (const search of searches) await worker.client.workflow.count(search);
});
