/**
 * Starts programs of the host: the only file that may. The linter keeps `node:child_process` out of every other one.
 *
 * A program is named by its absolute path (`find-program.ts` looks for it), starts in `/`, so that nothing in the user's working
 * directory is taken for a module or a setting of its own, and gets exactly the environment that its caller made
 * (`program-environment.ts`). What a request or a project names is never started here: it runs in a cell.
 *
 * @module
 */
import { type ChildProcess, type StdioOptions, spawn } from "node:child_process";
import { isAbsolute } from "node:path";
import type { Readable } from "node:stream";
import { systemPath } from "./find-program.ts";

export type { ChildProcess };

/** How a program is started that its caller follows. */
export interface StartOptions {
  /** The whole of the program's environment. */
  readonly environment: NodeJS.ProcessEnv;
  readonly stdio: StdioOptions;
  /** Whether it leads a session and a process group of its own. @default false */
  readonly detached?: boolean;
}

/**
 * Starts a program; its end is its caller's concern.
 *
 * @throws TypeError where the program is not named by an absolute path
 */
export function startProgram(program: string, args: readonly string[], options: StartOptions): ChildProcess {
  if (!isAbsolute(program)) throw new TypeError(`${program}: a program of the host is named by its absolute path`);
  const { environment, stdio, detached = false } = options;
  return spawn(program, args, { cwd: "/", env: environment, stdio, detached, shell: false });
}

/** How a program is run to its end. */
export interface RunOptions {
  /** The whole of its environment. @default the system's PATH and an English locale */
  readonly environment?: NodeJS.ProcessEnv | undefined;
  /** What it reads from stdin. @default nothing */
  readonly input?: string | undefined;
  /** How long it may take. @default 10 000 */
  readonly timeoutMilliseconds?: number | undefined;
  /** Bytes that it may write to stdout and to stderr each. @default 1 MiB */
  readonly outputBytes?: number | undefined;
  /** Ends it. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Whether it leads a process group of its own, so that what it starts is killed with it. A Ctrl-C in the terminal then does not reach
   * it: for callers whose signal does. @default false
   */
  readonly ownGroup?: boolean | undefined;
}

/** How a program ended by itself. */
export interface ProgramEnd {
  /** Null where a signal ended it. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

const plainEnvironment: NodeJS.ProcessEnv = { PATH: systemPath, LC_ALL: "C.UTF-8" };

/** What kills each program that runs: they end with this process. */
const running = new Set<() => void>();

function kill(child: ChildProcess, ownGroup: boolean): void {
  if (!ownGroup || child.pid === undefined) return void child.kill("SIGKILL");
  try {
    process.kill(-child.pid, "SIGKILL");
  } catch {
    // Gone already.
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
 * It is killed when its time is up, when it writes too much, when the signal aborts, and when this process ends.
 *
 * @returns how it ended, whatever its exit code
 * @throws Error where it cannot be started or was killed; the signal's reason where that aborts
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
    // What it started may hold them open.
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
  // A program that ends without reading its input is judged by its exit code.
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

/** The last line that is not empty of what a program wrote. */
export const lastLine = (text: string): string => text.trim().split("\n").at(-1)?.trim() ?? "";

/**
 * Runs a program of the host and returns what it wrote to stdout.
 *
 * @throws Error with the last line of its stderr where it ends with another exit code than 0; and as {@link runProgram}
 */
export async function outputOf(program: string, args: readonly string[], options?: RunOptions): Promise<string> {
  const { code, signal, stdout, stderr } = await runProgram(program, args, options);
  if (code === 0) return stdout;
  throw new Error(`${program}: ${lastLine(stderr) || (signal ? `killed by ${signal}` : `exit code ${code}`)}`);
}
