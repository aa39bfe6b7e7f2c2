/** Servers as child processes that end with the tests. */
import { type ChildProcess, type SpawnOptions, spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";

/** A running server. */
export interface ServerProcess {
  readonly pid: number;
  /** The end of its output. */
  readonly said: () => string;
  /** Stops it gracefully. */
  readonly stop: () => Promise<void>;
}

const readyMilliseconds = 90_000;

/**
 * Starts a server and waits until it responds.
 *
 * @param answers whether it responds
 * @param signal the signal for a graceful stop
 * @throws with its output, if it exits first or does not respond
 */
export async function startServerProcess(
  argv: readonly [string, ...string[]],
  options: Pick<SpawnOptions, "env" | "uid" | "gid" | "cwd">,
  answers: () => Promise<boolean>,
  signal: NodeJS.Signals,
): Promise<ServerProcess> {
  const [program, ...args] = argv;
  const child = spawn(program, args, { ...options, stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on("data", (chunk: Buffer) => {
      said = (said + chunk).slice(-8000);
    });
  }
  let end: string | undefined;
  child.once("error", (error) => {
    end = error.message;
  });
  child.once("exit", (code, by) => {
    end = `ended with ${by ?? code}`;
  });
  for (const deadline = Date.now() + readyMilliseconds; !(await answers()); await delay(50)) {
    if (end === undefined && Date.now() < deadline) continue;
    await stop(child, "SIGKILL");
    throw new Error(`${program} ${end ?? `did not answer in ${readyMilliseconds / 1000} s`}:\n${said}`);
  }
  return { pid: child.pid ?? 0, said: () => said, stop: () => stop(child, signal) };
}

async function stop(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, "exit");
  child.kill(signal);
  await exited;
}
