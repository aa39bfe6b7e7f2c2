import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { kgentsPaths } from "#platform/host/paths";
import { freePort } from "./dev-server.ts";
import { kgentsEntry } from "./worker-process.ts";

/** How a command ended, and its output. */
export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  /** stdout as raw bytes. */
  readonly bytes: Buffer;
}

/** A running command. */
export interface Running {
  readonly child: ChildProcess;
  readonly stdout: () => string;
  readonly stderr: () => string;
  /** Resolves when the text appears on a stream. */
  readonly says: (stream: "stdout" | "stderr", text: string) => Promise<void>;
  readonly ended: Promise<Ended>;
}

/** How a command is started. */
export interface RunOptions {
  readonly environment?: NodeJS.ProcessEnv;
  /** The content of standard input. By default it is empty; null keeps it open without content. */
  readonly input?: string | Buffer | null;
  readonly directory?: string;
}

/** The built command line with its own directories and port. */
export interface CommandLine extends AsyncDisposable {
  /** Contains all of its directories. Commands run here. */
  readonly directory: string;
  /** The state directory of kgents. */
  readonly state: string;
  readonly port: number;
  readonly environment: NodeJS.ProcessEnv;
  /** Starts `kgents` with these arguments. */
  readonly start: (args: readonly string[], options?: RunOptions) => Running;
  /** Runs `kgents` with these arguments to its end. */
  readonly run: (args: readonly string[], options?: RunOptions) => Promise<Ended>;
  /** Runs a program of the tests in the same environment. */
  readonly program: (command: string, args: readonly string[], options?: RunOptions) => Promise<Ended>;
  /** Writes a file below the directory, and returns its path. */
  readonly file: (name: string, content: string | Buffer) => Promise<string>;
}

/** This process's environment, without variables that point a command to another server or configuration. */
function plainEnvironment(): NodeJS.ProcessEnv {
  const foreign = /^(TEMPORAL_|KGENTS_|XDG_|LOG_LEVEL$|NODE_OPTIONS$|VITEST)/;
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !foreign.test(name)));
}

function run(command: string, args: readonly string[], options: Required<RunOptions> & { user?: number }): Running {
  const { user, environment, input, directory } = options;
  const child = spawn(command, args, {
    cwd: directory,
    env: environment,
    stdio: [input === "" ? "ignore" : "pipe", "pipe", "pipe"],
    ...(user === undefined ? {} : { uid: user, gid: user }),
  });
  // A command that is rejected never reads its input.
  child.stdin?.on("error", () => {});
  if (input !== null) child.stdin?.end(input);
  const chunks = { stdout: [] as Buffer[], stderr: [] as Buffer[] };
  for (const stream of ["stdout", "stderr"] as const) {
    child[stream]?.on("data", (chunk: Buffer) => chunks[stream].push(chunk));
  }
  const text = (stream: "stdout" | "stderr"): string => Buffer.concat(chunks[stream]).toString("utf8");
  const ended = once(child, "close").then(([code, signal]) => ({
    code,
    signal,
    stdout: text("stdout"),
    stderr: text("stderr"),
    bytes: Buffer.concat(chunks.stdout),
  }));
  return {
    child,
    stdout: () => text("stdout"),
    stderr: () => text("stderr"),
    says: (stream, wanted) =>
      new Promise((resolve, reject) => {
        const look = (): void => void (text(stream).includes(wanted) && resolve());
        child[stream]?.on("data", look);
        look();
        child.once("close", () =>
          reject(new Error(`it ended without having said ${wanted}:\n${text("stdout")}\n${text("stderr")}`)),
        );
      }),
    ended,
  };
}

/** The processes that belong to a directory, by their command line or their initial environment. */
export async function processesOf(directory: string): Promise<string[]> {
  const found: string[] = [];
  for (const pid of await readdir("/proc")) {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid) continue;
    const [line = "", environment = ""] = await Promise.all(
      ["cmdline", "environ"].map((name) => readFile(`/proc/${pid}/${name}`, "utf8").catch(() => "")),
    );
    if (line.includes(directory) || environment.includes(directory)) found.push(`${pid} ${line.replaceAll("\0", " ")}`);
  }
  return found;
}

/**
 * Prepares directories and a port for the command line. Starts nothing.
 *
 * Disposing of it runs `kgents down`, and throws if a process is left.
 *
 * @param options.user the user to run everything as, with a cache of its own
 */
export async function createCommandLine(
  options: { environment?: NodeJS.ProcessEnv; user?: number } = {},
): Promise<CommandLine> {
  const directory = await mkdtemp(join(tmpdir(), "kgents-cli-"));
  const port = await freePort();
  const environment: NodeJS.ProcessEnv = {
    ...plainEnvironment(),
    XDG_STATE_HOME: join(directory, "state"),
    XDG_CONFIG_HOME: join(directory, "config"),
    // Tools are shared: they are downloads verified by hash.
    XDG_CACHE_HOME: dirname(kgentsPaths().cache),
    KGENTS_PORT: String(port),
    ...options.environment,
  };
  const program = (command: string, args: readonly string[], given: RunOptions = {}): Running =>
    run(command, args, {
      environment: { ...environment, ...given.environment },
      input: given.input === undefined ? "" : given.input,
      directory: given.directory ?? directory,
      ...(options.user === undefined ? {} : { user: options.user }),
    });
  const start: CommandLine["start"] = (args, given) => program(process.execPath, [kgentsEntry, ...args], given);
  return {
    directory,
    port,
    environment,
    start,
    state: join(directory, "state", "kgents"),
    run: (args, given) => start(args, given).ended,
    program: (command, args, given) => program(command, args, given).ended,
    file: async (name, content) => {
      const path = join(directory, name);
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, content);
      return path;
    },
    [Symbol.asyncDispose]: async () => {
      const { code, stderr } = await start(["down"]).ended;
      const left = await processesOf(directory);
      await rm(directory, { recursive: true, force: true });
      if (code !== 0 || left.length > 0 || existsSync(directory)) {
        throw new Error(`kgents down ended with ${code} and left ${left.join("\n")}\n${stderr}`);
      }
    },
  };
}

/** A command line for a shell, as a user would type it: `kgents` runs the built program. */
export const shellLine = (line: string): string[] => [
  "-c",
  `kgents() { "${process.execPath}" "${kgentsEntry}" "$@"; }\n${line}`,
];
