/**
 * Starts programs of the host. This is the only file that may: the linter bans `node:child_process` in every other one.
 *
 * A program is given by its absolute path (`find-program.ts` finds it). It starts in `/`, so that it loads no modules
 * or settings from the user's working directory. It gets exactly the environment that its caller passes
 * (`program-environment.ts`). Programs that a request or a project names are never started here: they run in a cell.
 *
 * @module
 */
import { type ChildProcess, type StdioOptions, spawn } from "node:child_process";
import { isAbsolute } from "node:path";
import type { Readable } from "node:stream";
import { systemPath } from "./find-program.ts";

export type { ChildProcess };

/** How to start a program that the caller monitors itself. */
export interface StartOptions {
  /** The whole of the program's environment. */
  readonly environment: NodeJS.ProcessEnv;
  readonly stdio: StdioOptions;
  /** Whether it gets its own session and process group. @default false */
  readonly detached?: boolean;
}

/**
 * Starts a program. The caller handles its exit.
 *
 * @throws TypeError if the path of the program is not absolute
 */
export function startProgram(program: string, args: readonly string[], options: StartOptions): ChildProcess {
  if (!isAbsolute(program)) throw new TypeError(`${program}: a program of the host is named by its absolute path`);
  const { environment, stdio, detached = false } = options;
  return spawn(program, args, { cwd: "/", env: environment, stdio, detached, shell: false });
}

/** How to run a program to its end. */
export interface RunOptions {
  /** The whole of its environment. @default the system's PATH and an English locale */
  readonly environment?: NodeJS.ProcessEnv | undefined;
  /** Its stdin. @default empty */
  readonly input?: string | undefined;
  /** How long it may run, in milliseconds. @default 10,000 */
  readonly timeoutMilliseconds?: number | undefined;
  /** Limit for each of stdout and stderr, in bytes. @default 1 MiB */
  readonly outputBytes?: number | undefined;
  /** Kills the program. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Whether it gets its own process group, so that its children are killed with it. It then does not receive a Ctrl-C
   * of the terminal, so the caller's signal must stop it. @default false
   */
  readonly ownGroup?: boolean | undefined;
}

/** How a program exited. */
export interface ProgramEnd {
  /** Null if a signal ended it. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

const plainEnvironment: NodeJS.ProcessEnv = { PATH: systemPath, LC_ALL: "C.UTF-8" };

/** Kill functions of the running programs. All are killed when this process exits. */
const running = new Set<() => void>();

function kill(child: ChildProcess, ownGroup: boolean): void {
  if (!ownGroup || child.pid === undefined) return void child.kill("SIGKILL");
  try {
    process.kill(-child.pid, "SIGKILL");
  } catch {
    // The process group is already gone.
  }
}

let listening = false;
function endWithThisProcess(): void {
  if (listening) return;
  listening = true;
  process.on("exit", () => {
    for (const end of running) end();
  });
}

/** Reads a stream up to a number of bytes. */
function collect(stream: Readable | null, most: number, tooMuch: () => void): () => string {
  const chunks: Buffer[] = [];
  let bytes = 0;
  stream?.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > most) tooMuch();
    else chunks.push(chunk);
  });
  return () => Buffer.concat(chunks).toString();
}

/**
 * Runs a program of the host to its end.
 *
 * It is killed at the timeout, when its output exceeds the limit, when the signal aborts, and when this process exits.
 *
 * @returns how it exited, whatever its exit code
 * @throws Error if it cannot be started or was killed; the signal's reason if that aborts
 */
export async function runProgram(
  program: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<ProgramEnd> {
  const { timeoutMilliseconds = 10_000, outputBytes = 1_048_576, signal, ownGroup = false } = options;
  signal?.throwIfAborted();
  const child = startProgram(program, args, {
    environment: options.environment ?? plainEnvironment,
    stdio: [options.input === undefined ? "ignore" : "pipe", "pipe", "pipe"],
    detached: ownGroup,
  });
  const end = (): void => kill(child, ownGroup);
  endWithThisProcess();
  running.add(end);
  let failure: unknown;
  const stop = (reason: unknown): void => {
    failure ??= reason;
    end();
    // Children of the program may hold the pipes open.
    child.stdout?.destroy();
    child.stderr?.destroy();
  };
  const tooMuch = (): void => stop(new Error(`${program} wrote more than ${outputBytes} bytes`));
  const [stdout, stderr] = [collect(child.stdout, outputBytes, tooMuch), collect(child.stderr, outputBytes, tooMuch)];
  const timer = setTimeout(
    () => stop(new Error(`${program} did not end within ${timeoutMilliseconds / 1000} s`)),
    timeoutMilliseconds,
  );
  const abort = (): void => stop(signal?.reason);
  signal?.addEventListener("abort", abort);
  // The exit code decides even if the program does not read its input.
  child.stdin?.on("error", () => {});
  child.stdin?.end(options.input);
  try {
    const ended = await new Promise<Pick<ProgramEnd, "code" | "signal">>((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (code, by) => resolve({ code, signal: by }));
    });
    if (failure !== undefined) throw failure;
    return { ...ended, stdout: stdout(), stderr: stderr() };
  } finally {
    running.delete(end);
    clearTimeout(timer);
    signal?.removeEventListener("abort", abort);
  }
}

/** The last non-empty line of a program's output. */
export const lastLine = (text: string): string => text.trim().split("\n").at(-1)?.trim() ?? "";

/**
 * Runs a program of the host and returns what it wrote to stdout.
 *
 * @throws Error with the last line of its stderr if the exit code is not 0; otherwise as {@link runProgram}
 */
export async function outputOf(program: string, args: readonly string[], options?: RunOptions): Promise<string> {
  const { code, signal, stdout, stderr } = await runProgram(program, args, options);
  if (code === 0) return stdout;
  throw new Error(`${program}: ${lastLine(stderr) || (signal ? `killed by ${signal}` : `exit code ${code}`)}`);
}
