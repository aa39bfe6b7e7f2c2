import { type ChildProcess, spawn } from "node:child_process";
import { chown, mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { ProviderStatus } from "#cells/provider";
import type { ExecutionRequest } from "#core/contract/request";
import type { RunAnswer, RunSettings } from "../../support/run-on-provider.ts";
import type { Answer, ChildOptions, Order } from "./protocol.ts";
import { isRoot, testBubblewrap } from "./tools.ts";

/** The user of a worker: root, without a user namespace, or an ordinary user. */
export type Who = "root" | "user";

/** The users that can be tested by the current user. */
export const everyone: readonly Who[] = isRoot ? ["root", "user"] : ["user"];

/** A user without any permissions here. */
const ordinaryUid = 54_321;

export interface TestWorker {
  readonly process: ChildProcess;
  readonly stateDirectory: string;
  readonly run: (request: ExecutionRequest, more?: Partial<Omit<RunSettings, "again">>) => Promise<RunAnswer>;
  readonly executeAgain: (request: ExecutionRequest, cellId: string) => Promise<RunAnswer>;
  /** A cell that runs many programs. */
  readonly acquire: (request?: ExecutionRequest, more?: Partial<RunSettings>) => Promise<TestCell>;
  readonly status: () => Promise<ProviderStatus>;
  readonly sweep: () => Promise<number>;
  /** Kills the process without any chance to clean up. */
  readonly crash: () => Promise<void>;
  readonly close: () => Promise<void>;
}

/** A cell that runs many programs. */
export interface TestCell {
  readonly cellId: string;
  /** The code of the refusal of the cell. */
  readonly refused: string | undefined;
  /** Runs program `n`. */
  readonly run: (n: number, request: ExecutionRequest, more?: Partial<RunSettings>) => Promise<RunAnswer>;
  readonly release: () => Promise<void>;
  readonly remove: () => Promise<void>;
}

export interface TestWorkerOptions extends Omit<Partial<ChildOptions>, "bubblewrap"> {
  /** Null: the product searches for it. @default the pinned one */
  readonly bubblewrap?: string | null;
  /** Its environment in addition to HOME and PATH. */
  readonly environment?: Readonly<Record<string, string>>;
  /** A command that starts it. */
  readonly prefix?: readonly string[];
  /** Descriptors that it inherits in addition to the standard ones. */
  readonly descriptors?: readonly number[];
  readonly path?: string;
}

/** What a request says about the cell, which is the same for all its programs. */
const shapeFields = ({ language, cpu, memory, disk, network }: ExecutionRequest): Partial<ExecutionRequest> =>
  Object.fromEntries(
    Object.entries({ language, cpu, memory, disk, network }).filter(([, value]) => value !== undefined),
  );

const child = fileURLToPath(new URL("worker-child.ts", import.meta.url));
let cells = 0;

/** Starts a process that acts as a worker, with its own home and state directory. */
export async function startWorker(who: Who, options: TestWorkerOptions = {}): Promise<TestWorker> {
  const uid = who === "user" && isRoot ? ordinaryUid : undefined;
  const home = await mkdtemp(join(tmpdir(), "kgents-sandbox-"));
  const stateDirectory = options.stateDirectory ?? join(home, "cells");
  await mkdir(stateDirectory, { recursive: true });
  if (uid !== undefined) for (const path of [home, stateDirectory]) await chown(path, uid, uid);
  const { path = "/usr/local/bin:/usr/bin:/bin" } = options;
  const bubblewrap = options.bubblewrap === undefined ? await testBubblewrap() : options.bubblewrap;
  const setup: ChildOptions = {
    stateDirectory,
    ...(bubblewrap === null ? {} : { bubblewrap }),
    ...(options.unsandboxed ? { unsandboxed: true } : {}),
  };
  const asUser =
    uid === undefined ? [] : ["/usr/bin/setpriv", `--reuid=${uid}`, `--regid=${uid}`, "--clear-groups", "--"];
  const words = [...(options.prefix ?? []), ...asUser, process.execPath, child, JSON.stringify(setup)];
  const [program = "", ...args] = words;
  const worker = spawn(program, args, {
    // setpriv and similar programs are not Node, so the IPC channel is created by hand: Node finds it by
    // NODE_CHANNEL_FD.
    env: { HOME: home, PATH: path, ...options.environment },
    stdio: ["ignore", "inherit", "inherit", "ipc", ...(options.descriptors ?? [])],
    serialization: "advanced",
  });
  const waiting = new Map<number, { resolve: (answer: Answer) => void; reject: (error: Error) => void }>();
  worker.on("message", (answer: Answer) => {
    waiting.get(answer.order)?.resolve(answer);
    waiting.delete(answer.order);
  });
  const ended = new Promise<void>((resolve) => worker.once("exit", () => resolve()));
  void ended.then(() => {
    for (const { reject } of waiting.values())
      reject(new Error(`the worker process ended: ${worker.signalCode ?? worker.exitCode}`));
  });
  let orders = 0;
  const ask = (what: Order): Promise<Answer> => {
    const answer = new Promise<Answer>((resolve, reject) => {
      const order = orders++;
      waiting.set(order, { resolve, reject });
      if (worker.connected) worker.send({ order, what });
      else reject(new Error("the worker process ended"));
    });
    answer.catch(() => {});
    return answer;
  };
  const answered = (answer: Answer): RunAnswer => {
    if (!answer.run) throw new Error("no answer to a run");
    return answer.run;
  };
  return {
    process: worker,
    stateDirectory,
    run: async (request, more = {}) => {
      const cellId = more.cellId ?? `test-${process.pid}-${cells++}`;
      return answered(await ask({ kind: "run", request, ...more, cellId }));
    },
    executeAgain: async (request, cellId) => answered(await ask({ kind: "execute-again", request, cellId })),
    acquire: async (request = { code: ":" }, more = {}) => {
      const cellId = more.cellId ?? `test-${process.pid}-${cells++}`;
      const { refused } = await ask({ kind: "acquire", request, ...more, cellId });
      return {
        cellId,
        refused,
        run: async (n, program, settings = {}) =>
          answered(
            await ask({
              kind: "next",
              request: { ...shapeFields(request), ...program },
              ...more,
              ...settings,
              cellId,
              n,
            }),
          ),
        release: async () => void (await ask({ kind: "release", cellId })),
        remove: async () => void (await ask({ kind: "remove", cellId })),
      };
    },
    status: async () => {
      const { status } = await ask({ kind: "status" });
      if (!status) throw new Error("no answer about the status");
      return status;
    },
    sweep: async () => (await ask({ kind: "sweep" })).swept ?? -1,
    crash: async () => {
      worker.kill("SIGKILL");
      await ended;
    },
    close: async () => {
      if (worker.connected) await ask({ kind: "close" }).catch(() => {});
      worker.kill("SIGKILL");
      await ended;
      await rm(home, { recursive: true, force: true });
    },
  };
}
