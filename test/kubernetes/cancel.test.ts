/** A run reports its cancellation within seconds, whatever the moment, and leaves nothing behind. */
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ExecutionRequest } from "#core/contract/request";
import type { RunStatus } from "#core/contract/run-status";
import { replayAll } from "../support/test-worker.ts";
import { activityStarted, hasOutput, isNext, jobs, type Reach, refuseAll, sizeOf, stored, until } from "./moments.ts";
import { cellNamespace, kubectl, node, startClusterWorker } from "./support.ts";
import { starts, witness, witnessOutput } from "./witness.ts";
import { workerScene } from "./worker-scene.ts";

type Handle = Awaited<ReturnType<Awaited<ReturnType<typeof startClusterWorker>>["start"]>>;

/** The maximum time for the result, and then for the removal of the rest. */
const soon = 12_000;

/** A runtime whose pods must be scheduled to a node that does not exist. */
const nowhere = `nowhere-${randomUUID().slice(0, 8)}`;
beforeAll(() =>
  kubectl(
    ["apply", "-f", "-"],
    JSON.stringify({
      apiVersion: "node.k8s.io/v1",
      kind: "RuntimeClass",
      metadata: { name: nowhere },
      handler: "runc",
      scheduling: { nodeSelector: { [nowhere]: "true" } },
    }),
  ),
);
afterAll(() => kubectl(["delete", "runtimeclass", nowhere]));

async function gone({ namespace }: Reach): Promise<void> {
  const since = Date.now();
  await until("the end of all that is left", async () => (await namespace.left()).length === 0, 250);
  expect(Date.now() - since, "milliseconds until nothing was left").toBeLessThan(soon);
}

interface Case {
  readonly name: string;
  readonly request?: (id: string) => ExecutionRequest;
  /** The resource that the namespace's quota refuses. */
  readonly refused?: Parameters<typeof refuseAll>[1];
  /** Whether the worker cannot see that quota. */
  readonly hidden?: boolean;
  readonly runtimeClassName?: string;
  /** Waits until it is time to cancel. */
  readonly moment: (reach: Reach, handle: Handle, id: string) => Promise<unknown>;
  /** @default ["cancelled"] */
  readonly statuses?: readonly RunStatus[];
  /** @default 0 */
  readonly starts?: number;
}

const hasJob = (reach: Reach): Promise<void> => until("the Job", async () => (await jobs(reach)).length > 0);

const cases: readonly Case[] = [
  { name: "before anything is done", moment: async () => {} },
  {
    name: "while it waits for room that a quota does not leave",
    refused: "count/jobs.batch",
    moment: (_reach, handle) => isNext(handle),
  },
  {
    name: "before its pod is created, which a quota refuses",
    refused: "pods",
    hidden: true,
    moment: (reach, handle) => activityStarted(reach, handle, "execute").then(() => hasJob(reach)),
  },
  {
    name: "while no node suits its pod",
    runtimeClassName: nowhere,
    moment: ({ namespace }) =>
      until("the scheduler's word", async () =>
        (await namespace.kubectl("get", "pods", "-o", "yaml")).includes("Unschedulable"),
      ),
  },
  {
    name: "while its image is pulled",
    request: (id) => ({ ...witness(id, 1), image: node().registry.slowImage() }),
    moment: ({ namespace }) =>
      until("the pull", async () => (await namespace.kubectl("get", "events")).includes("Pulling"), 200),
  },
  {
    name: "while the code runs",
    request: (id) => witness(id, 60),
    moment: (reach, handle) => hasOutput(reach, handle, 4000),
    starts: 1,
  },
  {
    name: "while output files are collected",
    request: (id) => ({ ...witness(id, 1, "head -c 60000000 /dev/zero >big"), outputs: ["big"] }),
    moment: (reach, handle) =>
      until("a part of the file", async () => (await sizeOf(stored(reach, handle, "1.file.0"))) > 0, 5),
    statuses: ["cancelled", "succeeded"],
    starts: 1,
  },
  { name: "when it is done", moment: (_reach, handle) => handle.result(), statuses: ["succeeded"], starts: 1 },
];

describe.concurrent("a run is cancelled", () => {
  it.each(cases)(
    "$name",
    async ({ request, refused, hidden = false, runtimeClassName, moment, statuses, starts: count }) => {
      await using namespace = await cellNamespace();
      await using worker = await startClusterWorker(namespace.name, { runtimeClassName });
      const reach = { ...worker, namespace };
      if (refused) await refuseAll(reach, refused, { hidden });
      const id = randomUUID();
      const handle = await worker.start(request ? request(id) : witness(id, 1));
      await moment(reach, handle, id);
      const cancelled = Date.now();
      await handle.cancel();
      const result = await handle.result();
      expect(Date.now() - cancelled, "milliseconds until the result").toBeLessThan(soon);
      expect(statuses ?? ["cancelled"]).toContain(result.status);
      for (const stream of ["stdout", "stderr"] as const)
        expect(witnessOutput[stream].startsWith(result[stream].text), stream).toBe(true);
      await gone(reach);
      expect(await starts(id)).toBe(count ?? 0);
    },
  );

  it("while its worker is dead: the next one takes the cell away", async () => {
    await using scene = await workerScene();
    const first = await scene.startWorker();
    const id = randomUUID();
    const handle = await scene.start(witness(id, 60));
    await hasOutput(scene, handle, 4000);
    await first.end("SIGKILL");
    await handle.cancel();
    await scene.startWorker();
    const result = await handle.result();
    expect(result).toMatchObject({ status: "cancelled", attempts: 1 });
    expect(result.stdout.bytes).toBeGreaterThanOrEqual(4000);
    expect(witnessOutput.stdout.startsWith(result.stdout.text)).toBe(true);
    await gone(scene);
    expect(await starts(id)).toBe(1);
    expect(await replayAll(scene.client, scene.taskQueue)).toBeGreaterThan(0);
  });
});
