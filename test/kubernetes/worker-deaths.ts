/** When and how the durability tests kill a worker, each at a moment in a run. */
import { expect } from "vitest";
import type { ExecutionHandle } from "#client/sdk/execution-handle";
import type { ExecutionRequest } from "#core/contract/request";
import type { WorkerProcess } from "../support/worker-process.ts";
import { activityStarted, hasOutput, inCell, isNext, jobs, refuseAll, sizeOf, stored, until } from "./moments.ts";
import { node } from "./support.ts";
import { starts, witness } from "./witness.ts";
import type { WorkerScene } from "./worker-scene.ts";

/** What a case can use while its first worker is alive. */
interface Act {
  readonly scene: WorkerScene;
  readonly id: string;
  readonly worker: WorkerProcess;
  /** Resolves when the worker has sent the held request. */
  readonly held: Promise<void>;
  readonly start: (request: ExecutionRequest) => Promise<ExecutionHandle>;
}

const kill = ({ worker }: Act): Promise<unknown> => worker.end("SIGKILL");

const bigFile = { bytes: 60_000_000, make: "head -c 60000000 /dev/zero >big" } as const;
/** The number of bytes on each stream in the middle of a run. */
export const middle = 4000;

export interface Death {
  readonly name: string;
  readonly ownServer?: boolean;
  /** A part of a program's name; the first worker's exec of it in the cell is held. */
  readonly holds?: string;
  /** The state directory of the next worker. @default the usual one */
  readonly nextState?: string;
  /** Starts the run. Ends with the worker's death. */
  readonly act: (act: Act) => Promise<ExecutionHandle>;
}

export const deaths: readonly Death[] = [
  {
    name: "before the Job is created",
    act: async (act) => {
      const allow = await refuseAll(act.scene, "count/jobs.batch");
      const handle = await act.start(witness(act.id, 1));
      await isNext(handle);
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
      await isNext(handle);
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
      // Single-step, so that it cannot pass the moment between two checks.
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
