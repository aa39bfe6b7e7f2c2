/** The pages of the Temporal UI for runs in a cluster. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, inject, it } from "vitest";
import { createKubernetesProvider } from "#cells/kubernetes/provider";
import { tellRun, toldRuns } from "../ui/runs.ts";
import { expectTimeline, tellStories, useTemporalUi } from "../ui/tell-stories.ts";
import { workerWithBoth } from "../ui/without-cluster.ts";
import { apiProxy } from "./api-proxy.ts";
import { useClusterWorker } from "./support.ts";

const here = useClusterWorker();
const ui = useTemporalUi();
let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "kgents-ui-"));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

tellStories(
  "kubernetes",
  () => here.worker,
  async () => {
    const proxy = await apiProxy(join(directory, "kubeconfig"));
    const cluster = { kubeconfig: proxy.kubeconfig, namespace: here.namespace.name };
    const kubernetes = createKubernetesProvider({ ...cluster, instance: "away", log: () => {} });
    expect(await kubernetes.status()).toMatchObject({ available: true });
    // The worker considers it available for a while, so the run finds it unavailable.
    await proxy[Symbol.asyncDispose]();
    return workerWithBoth(inject("temporalAddress"), kubernetes, directory);
  },
);

it("the removal of a finished Job says what it waits for", async () => {
  const [run] = toldRuns("kubernetes");
  if (!run) throw new Error("there are no runs");
  const handle = await tellRun(here.worker, { ...run, request: { ...run.request, ttl: 2 } });
  const { client } = here.worker;
  const { events } = await client.workflow.getHandle(handle.id).fetchHistory();
  const [child] = (events ?? []).flatMap((event) => event.childWorkflowExecutionStartedEventAttributes ?? []);
  const { workflowId: id, runId } = { ...child?.workflowExecution };
  if (!id || !runId) throw new Error("nobody removes the Job");
  await client.workflow.getHandle(id, runId).result();
  expect(await expectTimeline(ui(), here.worker, { id, runId })).toEqual([
    expect.stringMatching(/^let the finished cell kgents-\w+ end$/),
    expect.stringMatching(/^keep the finished Job kgents-\w+ for 2 s$/),
    expect.stringMatching(/^remove the Job kgents-\w+$/),
  ]);
});
