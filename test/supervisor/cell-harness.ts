import { type ChildProcess, execFile, spawn, spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { renderCommandFile } from "#core/manifest/command-file";
import { programDirectory, type SupervisorSettings, supervisorCommand } from "#core/manifest/supervisor";

const namespaceCommand = [
  "unshare",
  ...(process.getuid?.() === 0 ? [] : ["--user", "--map-root-user"]),
  ...["--pid", "--fork", "--mount-proc", "--kill-child", "--"],
];

const runs = (program: string, ...args: string[]): boolean => spawnSync(program, args).status === 0;

/** Whether a PID namespace is available, so that the supervisor is PID 1 as in a cell. */
export const canBePid1 = runs(namespaceCommand[0] ?? "", ...namespaceCommand.slice(1), "true");

/** The shells of this machine that an image may use as `sh`. */
export const shells = [["dash"], ["bash", "--posix"], ["busybox", "sh"]].filter(
  ([program = "", ...args]) => runs("which", program) && runs(program, ...args, "-c", "true"),
);

/** A real supervisor process with its directories. */
export interface Cell extends AsyncDisposable {
  readonly run: string;
  readonly work: string;
  readonly tmp: string;
  /** A PATH in which `sh` is the shell under test. */
  readonly path: string;
  /** Delivers a command like a worker, and starts it. */
  readonly start: (command: readonly string[], delivery?: Delivery) => Promise<void>;
  /** Waits until a file exists in the run directory, and reads it, unless it is a FIFO or a directory. */
  readonly appears: (name: string, milliseconds?: number) => Promise<string>;
  /** Starts a program in the PID namespace from outside, like exec in a container. */
  readonly enter: (...command: string[]) => ChildProcess;
  /** Signals that everything was collected, and waits for the supervisor to exit. */
  readonly collect: () => Promise<number | null>;
  /** Waits for the supervisor to exit. */
  readonly end: () => Promise<number | null>;
  readonly read: (name: string) => Buffer;
}

export interface Delivery {
  /** The number of the program. @default 1 */
  readonly n?: number;
  /** The time limit of the program, in milliseconds. @default that of the settings */
  readonly timeout?: number;
  readonly environment?: Record<string, string>;
  readonly stdin?: Uint8Array;
  readonly files?: Record<string, string>;
}

const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

async function waitFor(path: string, milliseconds = 10_000): Promise<void> {
  for (const deadline = Date.now() + milliseconds; !existsSync(path); await pause(10)) {
    if (Date.now() > deadline) throw new Error(`${path} did not appear`);
  }
}

/** Starts a supervisor in directories of its own. */
export function startCell(shell: readonly string[], settings: Partial<SupervisorSettings> = {}): Cell {
  const root = mkdtempSync(join(tmpdir(), "kgents-supervisor-"));
  const [run, work, tmp] = [join(root, "run"), join(root, "work"), join(root, "tmp")] as const;
  for (const directory of [run, work, tmp, join(root, "bin")]) mkdirSync(directory);
  const [shellName = ""] = shell;
  symlinkSync(spawnSync("which", [shellName], { encoding: "utf8" }).stdout.trim(), join(root, "bin/sh"));
  const path = `${join(root, "bin")}:${process.env.PATH}`;
  const [, ...args] = supervisorCommand({
    runDirectory: run,
    workDirectory: work,
    temporaryDirectory: tmp,
    programs: "one",
    lifetime: 20_000,
    disk: 10 * 2 ** 20,
    output: 10 * 2 ** 20,
    grace: 20,
    processes: 4096,
    ...settings,
  });
  const [program = "", ...rest] = [...(canBePid1 ? namespaceCommand : []), ...shell, ...args];
  const child: ChildProcess = spawn(program, rest, {
    stdio: ["ignore", "inherit", "inherit"],
    detached: true,
    env: { ...process.env, PATH: path },
  });
  const ended = new Promise<number | null>((resolve) => child.on("exit", resolve));
  const appears = async (name: string, milliseconds?: number): Promise<string> => {
    await waitFor(join(run, name), milliseconds);
    return statSync(join(run, name)).isFile() ? readFileSync(join(run, name), "utf8") : "";
  };
  return {
    run,
    work,
    tmp,
    path,
    start: async (command, { n = 1, timeout, environment = {}, stdin, files = {} } = {}) => {
      const directory = join(run, programDirectory(settings.programs ?? "one", n));
      await waitFor(join(directory, "go"));
      for (const [name, content] of Object.entries(files)) writeFileSync(join(work, name), content);
      if (stdin) writeFileSync(join(directory, "stdin"), stdin);
      if (timeout !== undefined) writeFileSync(join(directory, "timeout"), `${timeout}\n`);
      writeFileSync(join(directory, "command"), renderCommandFile(command, environment));
      mkdirSync(join(directory, "started"));
      await promisify(execFile)("sh", ["-c", 'echo 1<>"$1"', "sh", join(directory, "go")]);
    },
    appears,
    enter: (...command) => {
      const children = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, "utf8");
      const user = process.getuid?.() === 0 ? [] : ["--user", "--preserve-credentials"];
      return spawn("nsenter", ["--target", children.trim(), ...user, "--pid", "--mount", "--", ...command]);
    },
    collect: async () => {
      writeFileSync(join(run, "collected"), "");
      // Wakes a supervisor that waits for a further program.
      const wake = 'for go in "$1"/[0-9]*/go; do [ ! -p "$go" ] || echo 1<>"$go"; done';
      await promisify(execFile)("sh", ["-c", wake, "sh", run]);
      return ended;
    },
    end: () => ended,
    read: (name) => readFileSync(join(run, name)),
    [Symbol.asyncDispose]: async () => {
      try {
        // The process group is the supervisor's own. Without a PID namespace, its watchdogs outlive it.
        if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
      } catch {
        // The group is already empty.
      }
      await ended;
      rmSync(root, { recursive: true, force: true });
    },
  };
}
