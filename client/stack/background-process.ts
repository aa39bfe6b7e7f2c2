/**
 * Background processes that outlive the command that started them. Each has its own session, a state file and a log.
 *
 * @module
 */
import { closeSync, mkdirSync, openSync, renameSync, statSync } from "node:fs";
import { open } from "node:fs/promises";
import { dirname } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { KgentsError } from "#core/contract/error";
import { createBackoff } from "#platform/host/backoff";
import { errorCode } from "#platform/host/error-code";
import { identifyProcess, isRunning, type ProcessIdentity } from "#platform/host/process-identity";
import { startProgram } from "#platform/host/run-program";

/** Size in bytes at which a log is rotated when its process starts. One old log is kept. */
const rotateBytes = 10 * 1024 * 1024;
/** How long to wait for a process to end that could not be recorded, in milliseconds. It has only just started. */
const unrecordedMilliseconds = 2000;

/** A background process. */
export interface BackgroundProcess {
  readonly identity: ProcessIdentity;
  /** Resolves with the exit reason if the process ends during this command. */
  readonly exited: Promise<string>;
  /** The last lines of its log since its start, for messages. */
  readonly lastLines: () => Promise<string>;
}

/** How to start a background process. */
export interface BackgroundOptions {
  /** The file to append its output to. */
  readonly log: string;
  readonly environment: NodeJS.ProcessEnv;
  /**
   * Writes the state file by which later commands find the process. If it fails, the process is ended, because no
   * command could find it.
   */
  readonly record: (identity: ProcessIdentity) => Promise<void>;
}

/**
 * Starts a process that continues after this one and does not receive a Ctrl-C of our terminal.
 *
 * @throws KgentsError `stack-start`; the error of `record`
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

/** How long the event of a process's end may come after the end, in milliseconds. */
const exitEventMilliseconds = 1000;

/**
 * The exit reason of a process that has ended. An unreferenced child does not keep this process alive: without the
 * timer, this process would exit during the wait.
 */
export const howItEnded = ({ exited }: BackgroundProcess): Promise<string> =>
  Promise.race([exited, delay(exitEventMilliseconds, "it ended")]);

/**
 * Ends a process with SIGTERM, and with SIGKILL after the grace time.
 *
 * @throws KgentsError `stack-start` if it belongs to another user or does not end
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
  throw new KgentsError("stack-start", `process ${process_.pid} does not exit`);
}

/** Only a parent is notified of a process's end, so poll, at first often. */
async function hasEnded(process_: ProcessIdentity, timeoutMilliseconds: number): Promise<boolean> {
  const deadline = performance.now() + timeoutMilliseconds;
  const backoff = createBackoff({ first: 5, longest: 50 });
  while (await isRunning(process_)) {
    if (performance.now() > deadline) return false;
    await backoff.pause();
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

/** Rotates a large log. Returns the offset at which new output starts. */
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
