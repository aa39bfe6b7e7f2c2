/**
 * Processes that outlive the command that started them: each in a session of its own, known by a file, with a log.
 *
 * @module
 */
import { closeSync, mkdirSync, openSync, renameSync, statSync } from "node:fs";
import { open } from "node:fs/promises";
import { dirname } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { KgentsError } from "#core/contract/error";
import { errorCode } from "#platform/host/error-code";
import { identifyProcess, isRunning, type ProcessIdentity } from "#platform/host/process-identity";
import { startProgram } from "#platform/host/run-program";

/** A log larger than this makes way for a new one when the process is started; the one before it is kept. */
const rotateBytes = 10 * 1024 * 1024;
/** How long a process that could not be recorded may take to end: it has only begun. */
const unrecordedMilliseconds = 2000;

/** A process in the background. */
export interface BackgroundProcess {
  readonly identity: ProcessIdentity;
  /** Resolves, when it ends while we are still here, with how it ended. */
  readonly exited: Promise<string>;
  /** The last lines that it has written to its log, for messages. */
  readonly lastLines: () => Promise<string>;
}

/** How a process in the background is started. */
export interface BackgroundOptions {
  /** The file that its output is appended to. */
  readonly log: string;
  readonly environment: NodeJS.ProcessEnv;
  /** Writes the file by which later commands find the process. Where it fails, the process is ended: nobody could find it. */
  readonly record: (identity: ProcessIdentity) => Promise<void>;
}

/**
 * Starts a process that goes on when we end, and that a Ctrl-C in our terminal does not reach.
 *
 * @throws KgentsError `stack-start`; what `record` throws
 */
export async function startInBackground(
  command: string,
  args: readonly string[],
  options: BackgroundOptions,
): Promise<BackgroundProcess> {
  mkdirSync(dirname(options.log), { recursive: true, mode: 0o700 });
  const logStart = rotate(options.log);
  const log = openSync(options.log, "a", 0o600);
  const child = startProgram(command, args, {
    detached: true,
    environment: options.environment,
    stdio: ["ignore", log, log],
  });
  closeSync(log);
  const exited = new Promise<string>((resolve) => {
    child.once("error", (error) => resolve(error.message));
    child.once("exit", (code, signal) => resolve(signal ? `killed by ${signal}` : `exit code ${code}`));
  });
  child.unref();
  if (child.pid === undefined) {
    throw new KgentsError("stack-start", `${command} cannot be started: ${await exited}`);
  }
  const identity = await identifyProcess(child.pid);
  try {
    await options.record(identity);
  } catch (error) {
    await stopProcess(identity, unrecordedMilliseconds);
    throw error;
  }
  return { identity, exited, lastLines: () => lastLines(options.log, logStart) };
}

/**
 * Ends a process: politely, and by force when it has not ended after the grace time.
 *
 * @throws KgentsError `stack-start` where it is not ours to end, or does not end at all
 */
export async function stopProcess(
  process_: ProcessIdentity,
  graceMilliseconds: number,
): Promise<"was not running" | "stopped" | "killed"> {
  if (!(await isRunning(process_))) return "was not running";
  signal(process_.pid, "SIGTERM");
  if (await hasEnded(process_, graceMilliseconds)) return "stopped";
  signal(process_.pid, "SIGKILL");
  if (await hasEnded(process_, 5000)) return "killed";
  throw new KgentsError("stack-start", `process ${process_.pid} does not end`);
}

/** Nobody but a parent is told of a process's end: so this looks, often at first. */
async function hasEnded(process_: ProcessIdentity, timeoutMilliseconds: number): Promise<boolean> {
  const deadline = performance.now() + timeoutMilliseconds;
  for (let pause = 5; await isRunning(process_); pause = Math.min(pause * 2, 50)) {
    if (performance.now() > deadline) return false;
    await delay(pause);
  }
  return true;
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if (errorCode(error) === "ESRCH") return;
    throw new KgentsError("stack-start", `process ${pid} cannot be stopped: it belongs to another user`, {
      cause: error,
    });
  }
}

/** Makes way for a new log where it has become large; returns where what comes next will begin. */
function rotate(log: string): number {
  const size = statSync(log, { throwIfNoEntry: false })?.size ?? 0;
  if (size <= rotateBytes) return size;
  renameSync(log, `${log}.1`);
  return 0;
}

async function lastLines(log: string, start: number): Promise<string> {
  const file = await open(log).catch(() => undefined);
  if (!file) return "";
  try {
    const { size } = await file.stat();
    const from = Math.max(start, size - 4096);
    const { buffer, bytesRead } = await file.read({ buffer: Buffer.alloc(Math.max(0, size - from)), position: from });
    return buffer.toString("utf8", 0, bytesRead).trimEnd().split("\n").slice(-12).join("\n");
  } finally {
    await file.close();
  }
}
