/** Whatever becomes of the worker or of Temporal's server, the code runs once and its output comes whole and in order. */
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import type { ExecutionHandle } from "../../client/execution-handle.ts";
import type { ExecutionRequest } from "../../core/request.ts";
import { replayAll } from "../support/test-worker.ts";
import type { WorkerProcess } from "../support/worker-process.ts";
import { apiProxy } from "./api-proxy.ts";
import {
  activityStarted,
  executedBy,
  executedNowBy,
  hasOutput,
  inCell,
  jobs,
  refuseAll,
  sizeOf,
  stored,
  until,
} from "./moments.ts";
import { node } from "./support.ts";
import { sha256, starts, waitFor, witness, witnessOutput } from "./witness.ts";
import { type WorkerScene, workerScene } from "./worker-scene.ts";

/** What a case has at hand while its first worker lives. */
interface Act {
  readonly scene: WorkerScene;
  readonly id: string;
  readonly worker: WorkerProcess;
  /** Resolves when the worker has sent the request that is held. */
  readonly held: Promise<void>;
  readonly start: (request: ExecutionRequest) => Promise<ExecutionHandle>;
}

const kill = ({ worker }: Act): Promise<unknown> => worker.end("SIGKILL");

/** Waits for the end of a run, and checks what each of these tests is about. */
async function endsRight(scene: WorkerScene, id: string, handle: ExecutionHandle): Promise<void> {
  const result = await handle.result();
  expect(result).toMatchObject({ status: "succeeded", exitCode: 0, attempts: 1, backend: "kubernetes" });
  for (const stream of ["stdout", "stderr"] as const) {
    expect(result[stream]).toMatchObject({ truncated: false, sha256: sha256(witnessOutput[stream]) });
    expect(result[stream].text === witnessOutput[stream], `${stream} as it was written`).toBe(true);
  }
  expect(await starts(id)).toBe(1);
  await until("the end of the Job and its pod", async () => (await scene.namespace.left()).length === 0, 1000);
  expect(await replayAll(scene.client, scene.taskQueue)).toBeGreaterThan(0);
}

const bigFile = { bytes: 60_000_000, make: "head -c 60000000 /dev/zero >big" } as const;
/** So much of each stream is there in the middle of a run. */
const middle = 4000;

interface Case {
  readonly name: string;
  readonly ownServer?: boolean;
  /** A part of a program that the first worker does not get run in the cell. */
  readonly holds?: string;
  /** Where the state of the next worker lies: with the usual one's, unless this is set. */
  readonly nextState?: string;
  /** Starts the run, and ends with the worker's death. */
  readonly act: (act: Act) => Promise<ExecutionHandle>;
}

const cases: readonly Case[] = [
  {
    name: "before the Job is created",
    act: async (act) => {
      const allow = await refuseAll(act.scene, "count/jobs.batch");
      const handle = await act.start(witness(act.id, 1));
      await activityStarted(act.scene, handle, "provision");
      await kill(act);
      expect(await jobs(act.scene)).toEqual([]);
      await allow();
      return handle;
    },
  },
  {
    name: "when the Job is created and Temporal does not know it",
    ownServer: true,
    act: async (act) => {
      const allow = await refuseAll(act.scene, "count/jobs.batch");
      const handle = await act.start(witness(act.id, 1));
      await activityStarted(act.scene, handle, "provision");
      process.kill(act.scene.server.current.pid, "SIGSTOP");
      await allow();
      await until("the Job", async () => (await jobs(act.scene)).length > 0, 200);
      await kill(act);
      process.kill(act.scene.server.current.pid, "SIGCONT");
      return handle;
    },
  },
  {
    name: "while the image is pulled",
    act: async (act) => {
      const handle = await act.start({ ...witness(act.id, 1), image: node().registry.slowImage() });
      await activityStarted(act.scene, handle, "execute");
      expect(await jobs(act.scene)).toHaveLength(1);
      await kill(act);
      return handle;
    },
  },
  {
    name: "in the middle of the delivery",
    act: async (act) => {
      const content = { base64: Buffer.alloc(40_000_000).toString("base64") };
      const handle = await act.start({
        ...witness(act.id, 1, `[ "$(wc -c <zeros)" -eq 40000000 ] || exit 9`),
        files: [{ name: "zeros", content }],
        cpu: 0.2,
      });
      await activityStarted(act.scene, handle, "execute");
      // Step by step, so that it cannot get past the moment between two looks.
      const pid = act.worker.pid;
      await until("a delivery that has begun", async () => {
        process.kill(pid, "SIGSTOP");
        if ((await inCell(act.scene, "[ -e /run/kgents/delivery ]")) === 0) return true;
        process.kill(pid, "SIGCONT");
        return false;
      });
      await kill(act);
      expect(await inCell(act.scene, "[ ! -d /run/kgents/started ]")).toBe(0);
      return handle;
    },
  },
  {
    name: "when the code was started",
    act: async (act) => {
      const handle = await act.start(witness(act.id, 15));
      await until("the code", async () => (await starts(act.id)) > 0);
      await kill(act);
      return handle;
    },
  },
  {
    name: "in the middle of the output",
    act: async (act) => {
      const handle = await act.start(witness(act.id, 18));
      await hasOutput(act.scene, handle, middle);
      await kill(act);
      return handle;
    },
  },
  {
    name: "in the middle of the output, and the next worker has another store",
    nextState: "another",
    act: async (act) => {
      const handle = await act.start(witness(act.id, 18));
      await hasOutput(act.scene, handle, middle);
      await kill(act);
      return handle;
    },
  },
  {
    name: "when the code has ended and nothing is collected",
    holds: "memory.events",
    act: async (act) => {
      const handle = await act.start(witness(act.id, 1));
      await act.held;
      await kill(act);
      return handle;
    },
  },
  {
    name: "while output files are collected",
    act: async (act) => {
      const handle = await act.start({ ...witness(act.id, 1, bigFile.make), outputs: ["big"] });
      const file = stored(act.scene, handle, "1.file.0");
      await until("a part of the file", async () => (await sizeOf(file)) > 0, 5);
      process.kill(act.worker.pid, "SIGSTOP");
      expect(await sizeOf(file)).toBeLessThan(bigFile.bytes);
      await kill(act);
      return handle;
    },
  },
  {
    name: "when all is collected and Temporal does not know it",
    ownServer: true,
    act: async (act) => {
      const handle = await act.start({ ...witness(act.id, 3, bigFile.make), outputs: ["big"] });
      await hasOutput(act.scene, handle, middle);
      process.kill(act.scene.server.current.pid, "SIGSTOP");
      const file = stored(act.scene, handle, "1.file.0");
      await until("the whole file", async () => (await sizeOf(file)) === bigFile.bytes);
      await kill(act);
      process.kill(act.scene.server.current.pid, "SIGCONT");
      return handle;
    },
  },
  {
    name: "when the result is there and the cell is not released yet",
    holds: ">collected",
    act: async (act) => {
      const handle = await act.start(witness(act.id, 1));
      await handle.result();
      await act.held;
      await kill(act);
      return handle;
    },
  },
];

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

  it("one that stood still, and wakes up while its successor follows the same code, disturbs nothing", async () => {
    await using scene = await workerScene();
    const sleeping = await scene.startWorker();
    const id = randomUUID();
    const handle = await scene.start(witness(id, 1, waitFor("go")));
    await until("the code", async () => (await starts(id)) > 0);
    process.kill(sleeping.pid, "SIGSTOP");
    const next = await scene.startWorker();
    // Not soon: for a minute Temporal may give tasks to the open polls of a process that stands still.
    await until("the successor", async () => (await executedNowBy(scene, handle)) === next.pid, 500, 100_000);
    process.kill(sleeping.pid, "SIGCONT");
    await inCell(scene, "touch /work/go");
    await endsRight(scene, id, handle);
    expect(await Promise.all([sleeping.end("SIGTERM"), next.end("SIGTERM")])).toEqual([0, 0]);
  });
});

describe.concurrent("kill -9 of the worker: the next one goes on", () => {
  it.each(cases)("$name", async ({ act, ownServer, nextState, holds }) => {
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
