/** The scheduled sweep removes cells without a live run, and nothing else. */
import { randomUUID } from "node:crypto";
import type { ScheduleHandle } from "@temporalio/client";
import { expect, it } from "vitest";
import type { SweepReport } from "#activities/contract";
import { executeCodeWorkflow } from "#core/contract/names";
import { cellLabel, instanceLabel, runIdAnnotation, workflowIdAnnotation } from "#core/manifest/cluster-names";
import { sweepScheduleId } from "#worker/sweep-schedule";
import { replayAll } from "../support/test-worker.ts";
import { hardenedJob } from "./manifests.ts";
import { hasOutput, until } from "./moments.ts";
import { witness } from "./witness.ts";
import { type WorkerScene, workerScene } from "./worker-scene.ts";

/** The minimum age of cells, and of the ends of their runs, for the sweep, plus a margin. */
const settledMilliseconds = 32_000;

/** A run without a worker. */
async function openRun({ client }: WorkerScene) {
  const handle = await client.workflow.start(executeCodeWorkflow, {
    workflowId: `sweep-${randomUUID()}`,
    taskQueue: `nobody-${randomUUID()}`,
    args: [{ code: "true", language: "sh" }],
  });
  return { handle, workflowId: handle.workflowId, runId: handle.firstExecutionRunId };
}

type Owner = { readonly workflowId: string; readonly runId: string };

const annotationsOf = ({ workflowId, runId }: Owner) => ({
  [workflowIdAnnotation]: workflowId,
  [runIdAnnotation]: runId,
});

/** A Job that may or may not be a cell's. */
function plant(name: string, labels: Record<string, string>, annotations: Record<string, string>, command = "sleep") {
  const job = hardenedJob(name, "busybox:1.37", [command, "600"]);
  const { template } = job.spec;
  return {
    ...job,
    metadata: { name, labels, annotations },
    spec: {
      ...job.spec,
      template: {
        metadata: { labels: { ...template.metadata.labels, ...labels } },
        // Like a cell: `sleep` as the first process of its container ignores SIGTERM.
        spec: { ...template.spec, terminationGracePeriodSeconds: 1 },
      },
    },
  };
}

/** Runs the schedule's workflow now, and returns its report. */
async function sweepNow({ client }: WorkerScene, schedule: ScheduleHandle): Promise<SweepReport> {
  const before = (await schedule.describe()).info.numActionsTaken;
  await schedule.trigger();
  await until("the sweep", async () => (await schedule.describe()).info.numActionsTaken > before);
  const { action } = (await schedule.describe()).info.recentActions.at(-1) ?? {};
  if (action?.type !== "startWorkflow") throw new Error("the schedule started nothing");
  return client.workflow.getHandle(action.workflow.workflowId, action.workflow.firstExecutionRunId).result();
}

const names = async (scene: WorkerScene): Promise<string[]> =>
  (await scene.namespace.kubectl("get", "jobs,pods", "-o", "name"))
    .split("\n")
    .filter((name) => name !== "")
    .sort();

it("removes the cell of a run that was terminated while no worker was there; leaves alone all that may be wanted", async () => {
  await using scene = await workerScene();
  const first = await scene.startWorker();
  const schedule = scene.client.schedule.getHandle(sweepScheduleId(scene.taskQueue));
  // The test triggers it below; it must not run in between.
  await schedule.pause();
  const [ended, live] = [await scene.start(witness(randomUUID(), 100)), await scene.start(witness(randomUUID(), 100))];
  await Promise.all([ended, live].map((handle) => hasOutput(scene, handle, 200)));
  const labelled = await scene.namespace.kubectl("get", "jobs", "-o", "json");
  const own: { metadata: { name: string; labels: Record<string, string>; annotations: Record<string, string> } }[] =
    JSON.parse(labelled).items;
  const [one] = own;
  const cellOf = (workflowId: string) =>
    own.find(({ metadata }) => metadata.annotations[workflowIdAnnotation] === workflowId)?.metadata.name;
  const marks = { ...one?.metadata.labels };
  const endedOwner = { workflowId: ended.id, runId: ended.runId };

  await first.end("SIGKILL");
  await scene.client.workflow.getHandle(ended.id).terminate();
  const closedLast = await openRun(scene);
  const stillOpen = await openRun(scene);
  const cell = (name: string) => ({ ...marks, [cellLabel]: name });
  const unknown = { workflowId: `never-${randomUUID()}`, runId: randomUUID() };
  const wanted = [
    plant("open", cell("open"), annotationsOf(stillOpen)),
    plant("closed-last", cell("closed-last"), annotationsOf(closedLast)),
    plant("another-instance", { ...cell("another-instance"), [instanceLabel]: "another" }, annotationsOf(endedOwner)),
    plant("names-no-run", cell("names-no-run"), {}),
    plant("not-ours", { app: "not-ours" }, annotationsOf(endedOwner)),
    plant("finished", cell("finished"), annotationsOf(endedOwner), "true"),
  ];
  const { metadata, spec } = plant("pod", cell("pod"), annotationsOf(endedOwner));
  const pod = { apiVersion: "v1", kind: "Pod", metadata, spec: spec.template.spec };
  const orphan = plant("orphan", cell("orphan"), annotationsOf(unknown));
  await scene.namespace.apply({ apiVersion: "v1", kind: "List", items: [...wanted, pod, orphan] });
  const planted = Date.now();
  await scene.namespace.kubectl("wait", "job/finished", "--for=condition=Complete", "--timeout=30s");
  await scene.startWorker();
  await until("the plants to be old", async () => Date.now() > planted + settledMilliseconds, 1000);

  await closedLast.handle.terminate();
  await scene.namespace.apply(plant("young", cell("young"), annotationsOf(endedOwner)));
  const before = await names(scene);
  const report = await sweepNow(scene, schedule);
  const removed = [cellOf(ended.id) ?? "", "orphan"];
  expect([...report.removed].sort()).toEqual(removed.sort());
  expect(report).toMatchObject({ looked: 5, resisted: [], stopped: null });
  const isOf = (cellId: string) => (name: string) =>
    name === `job.batch/${cellId}` || name.startsWith(`pod/${cellId}-`);
  expect(await names(scene)).toEqual(before.filter((name) => !removed.some((cellId) => isOf(cellId)(name))));

  await until(
    "its end and its age to be long ago",
    async () => Date.now() > planted + 2 * settledMilliseconds + 4000,
    1000,
  );
  expect([...(await sweepNow(scene, schedule)).removed].sort()).toEqual(["closed-last", "young"]);
  await live.cancel();
  expect(await live.result()).toMatchObject({ status: "cancelled", attempts: 1 });
  await stillOpen.handle.terminate();
  expect(await replayAll(scene.client, scene.taskQueue)).toBeGreaterThan(0);
}, 180_000);
