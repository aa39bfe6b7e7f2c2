import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { workerNodeFlags } from "#client/stack/worker-node-flags";
import { kgentsPaths } from "#platform/host/paths";

/** The built command line. */
export const kgentsEntry = fileURLToPath(new URL("../../dist/client/cli/main.js", import.meta.url));

/** `kgents worker` as a separate process that can be killed. */
export interface WorkerProcess {
  readonly pid: number;
  readonly child: ChildProcess;
  /** Its log up to now. */
  readonly log: () => string;
  /** Sends it a signal and waits for its exit. */
  readonly end: (signal: NodeJS.Signals) => Promise<number | null>;
}

/**
 * Starts `kgents worker` like the stack does, and waits until it polls. Its state is under `directory`; tools come from
 * the user's cache.
 */
export async function startWorkerProcess(
  address: string,
  taskQueue: string,
  directory: string,
  options: { flags?: string[]; environment?: NodeJS.ProcessEnv; user?: number } = {},
): Promise<WorkerProcess> {
  const child = spawn(
    process.execPath,
    [
      ...workerNodeFlags,
      kgentsEntry,
      "worker",
      "--address",
      address,
      "--task-queue",
      taskQueue,
      ...(options.flags ?? []),
    ],
    {
      stdio: ["ignore", "ignore", "pipe"],
      env: {
        ...process.env,
        LOG_LEVEL: "info",
        XDG_STATE_HOME: join(directory, "state"),
        XDG_CONFIG_HOME: join(directory, "config"),
        XDG_CACHE_HOME: join(kgentsPaths().cache, ".."),
        ...options.environment,
      },
      ...(options.user === undefined ? {} : { uid: options.user, gid: options.user }),
    },
  );
  let log = "";
  const lines = createInterface({ input: child.stderr });
  const ready = new Promise<void>((resolve) => {
    lines.on("line", (line) => {
      log += `${line}\n`;
      if (line.includes("the worker is ready")) resolve();
    });
  });
  const exited = once(child, "exit");
  await Promise.race([
    ready,
    exited.then(([code]) => {
      throw new Error(`kgents worker ended with ${code}:\n${log}`);
    }),
  ]);
  return {
    pid: child.pid ?? 0,
    child,
    log: () => log,
    end: async (signal) => {
      if (child.exitCode === null && child.signalCode === null) {
        child.kill(signal);
        await exited;
      }
      return child.exitCode;
    },
  };
}
