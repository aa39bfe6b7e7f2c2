import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { down, type StackOptions } from "#client/stack/stack";
import { isRunning } from "#platform/host/process-identity";
import { freePort } from "../support/dev-server.ts";

/** The directories, port and worker program of a stack. Disposing of it ends the stack's processes. */
export interface TestStack extends AsyncDisposable {
  readonly directory: string;
  readonly state: string;
  readonly port: number;
  readonly options: StackOptions & { readonly environment: NodeJS.ProcessEnv };
  /** The messages while the stack was started. */
  readonly said: string[];
  /** The starts of the worker's stand-in: its process id, arguments and environment. */
  readonly workerStarts: () => Promise<{ pid: number; args: string[]; environment: NodeJS.ProcessEnv }[]>;
  /** Sets how the stand-in behaves when it is started: `busy`, `fails`. */
  readonly behave: (behaviour: "" | "busy" | "fails") => Promise<void>;
}

/** @param temporal the `temporal` command to use */
export async function createTestStack(temporal: string, variables: NodeJS.ProcessEnv = {}): Promise<TestStack> {
  const directory = await mkdtemp(join(tmpdir(), "kgents-stack-"));
  const port = await freePort();
  const state = join(directory, "state", "kgents");
  const workerEntry = join(directory, "build", "worker", "main.mjs");
  await writeProgram(workerEntry, await readFile(join(import.meta.dirname, "stand-in-worker.mjs"), "utf8"));
  const said: string[] = [];
  const environment = {
    PATH: process.env.PATH,
    HOME: directory,
    XDG_STATE_HOME: join(directory, "state"),
    XDG_CACHE_HOME: join(directory, "cache"),
    XDG_CONFIG_HOME: join(directory, "config"),
    KGENTS_PORT: String(port),
    KGENTS_TEMPORAL_CLI: temporal,
    ...variables,
  };
  const options = { environment, workerEntry, progress: (line: string) => void said.push(line) };
  return {
    directory,
    state,
    port,
    options,
    said,
    workerStarts: async () => {
      const lines = await readFile(join(state, "starts"), "utf8").catch(() => "");
      return lines
        .split("\n")
        .filter(Boolean)
        .map((line) => JSON.parse(line));
    },
    // Not in the build's directory, where it would count as a change of the build.
    behave: (behaviour) => writeFile(join(directory, "behaviour"), behaviour),
    [Symbol.asyncDispose]: async () => {
      await down(options);
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** Writes an executable file. */
export async function writeProgram(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, text);
  await chmod(path, 0o755);
}

/** A stand-in for the `temporal` command that prints its version. */
export const fakeTemporal = (version: string): string =>
  `#!/bin/sh\necho "temporal version ${version} (Server 1.32.0, UI 2.54.1)"\n`;

/** The id of a process that has ended. */
export async function deadProcess(): Promise<number> {
  const child = spawn("true");
  await once(child, "exit");
  return child.pid ?? 0;
}

/** Kills a process without a graceful stop, and waits until it is gone. */
export async function killNow(pid: number): Promise<void> {
  process.kill(pid, "SIGKILL");
  while (await isRunning({ pid, startTime: "" })) await new Promise((resolve) => setTimeout(resolve, 5));
}
