/**
 * Whatever happens to the worker or to Temporal's server, the code runs once and its output is complete and in order.
 */
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import type { ExecutionHandle } from "#client/sdk/execution-handle";
import { apiProxy } from "./api-proxy.ts";
import { nothingLeft, ranOnce } from "./ends-right.ts";
import { executedBy, executedNowBy, executeStarts, hasOutput, inCell, isNext, refuseAll, until } from "./moments.ts";
import { starts, waitFor, witness } from "./witness.ts";
import { deaths, middle } from "./worker-deaths.ts";
import { type WorkerScene, workerScene } from "./worker-scene.ts";

/** The assertion of all of these tests. */
async function endsRight(scene: WorkerScene, id: string, handle: ExecutionHandle): Promise<void> {
  await ranOnce(id, handle);
  await nothingLeft(scene);
}

describe.concurrent("a worker that is there, but not for this run any more", () => {
  it("SIGTERM: it hands the cell over, and another goes on at once", async () => {
    await using scene = await workerScene();
    const leaving = await scene.startWorker({ flags: ["--drain", "1s"] });
    const id = randomUUID();
    const handle = await scene.start(witness(id, 15));
    await hasOutput(scene, handle, middle);
    const [code] = await Promise.all([leaving.end("SIGTERM"), scene.startWorker()]);
    expect(code).toBe(0);
    await endsRight(scene, id, handle);
    const { events } = await scene.client.workflow.getHandle(handle.id).fetchHistory();
    const failures = (events ?? []).flatMap(
      (event) => event.activityTaskFailedEventAttributes?.failure?.applicationFailureInfo?.type ?? [],
    );
    expect(failures).toEqual(["cell-handed-over"]);
  });

  it("SIGTERM while a quota refuses the Job: another worker creates it", async () => {
    await using scene = await workerScene();
    const leaving = await scene.startWorker({ flags: ["--drain", "1s"] });
    const id = randomUUID();
    const allow = await refuseAll(scene, "count/jobs.batch");
    const handle = await scene.start(witness(id, 1));
    await isNext(handle);
    const told = Date.now();
    const stopped = leaving.end("SIGTERM").then((code) => ({ code, milliseconds: Date.now() - told }));
    const [{ code, milliseconds }] = await Promise.all([stopped, scene.startWorker()]);
    expect(code).toBe(0);
    expect(milliseconds, "milliseconds until it had stopped").toBeLessThan(10_000);
    await allow();
    await endsRight(scene, id, handle);
  });

  it("an attempt that is reset by a person: the next one goes on", async () => {
    await using scene = await workerScene();
    await scene.startWorker();
    const id = randomUUID();
    const handle = await scene.start(witness(id, 12));
    await hasOutput(scene, handle, middle);
    const execution = { workflowId: handle.id };
    await scene.client.workflowService.resetActivity({ namespace: "default", execution, type: "execute" });
    await endsRight(scene, id, handle);
    expect(await executeStarts(scene, handle)).toBeGreaterThan(1);
  });

  it("an attempt that is paused by a person: the code runs on, and is followed again when it is unpaused", async () => {
    await using scene = await workerScene();
    await scene.startWorker();
    const id = randomUUID();
    const handle = await scene.start(witness(id, 12));
    await hasOutput(scene, handle, middle);
    const about = { namespace: "default", execution: { workflowId: handle.id }, type: "execute" };
    await scene.client.workflowService.pauseActivity(about);
    await until("the end of the code", async () => (await inCell(scene, "[ -e /run/kgents/exit ]")) === 0, 500);
    expect(await handle.describe()).toMatchObject({ status: "running" });
    await scene.client.workflowService.unpauseActivity(about);
    await endsRight(scene, id, handle);
    expect(await executeStarts(scene, handle)).toBeGreaterThan(1);
  });

  it("one that stood still, and wakes up while its successor follows the same code, disturbs nothing", async () => {
    await using scene = await workerScene();
    const sleeping = await scene.startWorker();
    const id = randomUUID();
    const handle = await scene.start(witness(id, 1, waitFor("go")));
    await until("the code", async () => (await starts(id)) > 0);
    process.kill(sleeping.pid, "SIGSTOP");
    const next = await scene.startWorker();
    // This takes time: for up to a minute, Temporal may send tasks to the open polls of a stopped process.
    await until("the successor", async () => (await executedNowBy(scene, handle)) === next.pid, 500, 100_000);
    process.kill(sleeping.pid, "SIGCONT");
    await inCell(scene, "touch /work/go");
    await endsRight(scene, id, handle);
    expect(await Promise.all([sleeping.end("SIGTERM"), next.end("SIGTERM")])).toEqual([0, 0]);
  });
});

describe.concurrent("kill -9 of the worker: the next one goes on", () => {
  it.each(deaths)("$name", async ({ act, ownServer, nextState, holds }) => {
    await using scene = await workerScene({ ownServer: ownServer ?? false });
    await using proxy = await apiProxy(
      join(scene.directory, "kubeconfig"),
      (_kind, program) => holds !== undefined && program.includes(holds),
    );
    const worker = await scene.startWorker({ kubeconfig: proxy.kubeconfig });
    const id = randomUUID();
    const handle = await act({ scene, id, worker, held: proxy.held, start: scene.start });
    const over = (await handle.describe()).closedAt !== null;
    const next = await scene.startWorker(nextState === undefined ? {} : { state: nextState });
    await endsRight(scene, id, handle);
    expect(await executedBy(scene, handle)).toBe(over ? worker.pid : next.pid);
  });
});

describe.concurrent("kill -9 of Temporal's server in the middle of a run", () => {
  it.each([
    ["for a moment", 500],
    ["for longer than a heartbeat may take", 13_000],
  ])("away %s", async (_name, away) => {
    await using scene = await workerScene({ ownServer: true });
    await scene.startWorker();
    const id = randomUUID();
    const handle = await scene.start(witness(id, away / 1000 + 6));
    await hasOutput(scene, handle, middle);
    await scene.server.current.kill();
    await wait(away);
    await scene.server.restart();
    await endsRight(scene, id, handle);
  });
});
