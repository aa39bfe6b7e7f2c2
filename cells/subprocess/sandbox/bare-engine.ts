/**
 * Runs code without a sandbox. Requires the worker's own configuration, and every result reports it.
 *
 * @module
 */
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { buffer } from "node:stream/consumers";
import type { CellShape, Program } from "#core/contract/cell-shape";
import { KgentsError } from "#core/contract/error";
import type { Enforcement, Isolation } from "#core/contract/result";
import { systemPath } from "#platform/host/find-program";
import { packageFile } from "#platform/host/package-files";
import { outputOf } from "#platform/host/run-program";
import { findPattern } from "../../files/output-patterns.ts";
import { codeFileOf, commandOf, inputsOf, neverOutput, stdinOf } from "../../program-command.ts";
import type { ProgramContext } from "../../provider.ts";
import { findGroups } from "../cgroups/find-groups.ts";
import { createInterpreterCache } from "../interpreters/interpreter-cache.ts";
import type { Interpreter } from "../interpreters/interpreter-command.ts";
import { type LauncherPool, launcherPool } from "../launcher/launcher-pool.ts";
import { cellLimits } from "../machine/limits.ts";
import { cellEnvironment } from "./compose-run.ts";
import type { Engine } from "./engine.ts";
import type { SandboxRun } from "./run-sandbox.ts";
import { launcherDirectory } from "./sandbox.ts";
import { supervisorScript } from "./supervisor-script.ts";

const no: Enforcement = { enforced: false, by: "this worker runs code without a sandbox" };

async function bareIsolation(): Promise<Isolation> {
  const groups = (await findGroups())?.enforced;
  const by = (name: string | null | undefined): Enforcement => (name ? { enforced: true, by: name } : no);
  return {
    level: "none",
    mechanism: "a process of the worker's user",
    network: no,
    filesystem: no,
    user: no,
    syscalls: no,
    disk: no,
    memory: by(groups?.memory),
    cpu: by(groups?.cpu),
    pids: by(groups?.pids),
    openFiles: by("RLIMIT_NOFILE"),
    output: by("the worker stops the run at the output limit"),
    wallClock: by("the worker kills the process group at the time limit; a process that left it may go on"),
  };
}

/**
 * Nothing holds the processes of a program together here, so it could not be ended before the next one.
 *
 * @throws KgentsError if the shape is for many programs
 */
export function refuseMany({ programs }: CellShape): void {
  if (programs === "one") return;
  throw new KgentsError("sandbox-unavailable", "a worker without a sandbox runs one program in a cell, not many", {
    remedy: "Use a worker with a sandbox, or a cluster.",
  });
}

/**
 * Without a sandbox nothing shows the packages to the code at the place where it looks for them.
 *
 * @throws KgentsError if the shape has packages
 */
export function refusePackages({ environment }: CellShape): void {
  if (environment === undefined) return;
  throw new KgentsError("policy-violation", "packages: a worker without a sandbox installs none", {
    field: "packages",
    remedy: "Use a worker with a sandbox, or a cluster.",
  });
}

/** Writes the code of a program into its cell's directory, and composes how it runs there. */
async function composeBareRun(
  cellDirectory: string,
  { hostCommand }: Interpreter,
  shape: CellShape,
  program: Program,
  context: Pick<ProgramContext, "open">,
): Promise<SandboxRun> {
  const { codeFile, env, outputs, timeout } = program;
  const limits = cellLimits(shape);
  const directory = join(cellDirectory, "work");
  const temporary = join(cellDirectory, "tmp");
  const own = codeFileOf(program);
  const code = own === undefined ? null : await buffer(await context.open(own.content));
  await mkdir(temporary, { recursive: true });
  await mkdir(dirname(join(directory, codeFile)), { recursive: true });
  if (code !== null) await writeFile(join(directory, codeFile), code);
  const inputs = inputsOf(program);
  const stdin = stdinOf(program);
  const kernels = packageFile("cells/kernels");
  const places = { shell: "/bin/sh", work: directory, kernels, kernelHome: join(temporary, ".kgents") };
  const script = supervisorScript({
    command: commandOf(program, 1, { language: shape.language, interpreter: hostCommand }, places),
    environment: cellEnvironment(directory, temporary, [dirname(hostCommand[0] ?? "/")], env),
    ownEnvironment: Object.keys(env).length > 0,
    directory,
    stdin: stdin !== undefined,
    inputs: inputs.length > 0,
    timeout,
    patterns: outputs.map(findPattern),
    openFiles: limits.openFiles,
    largestFile: limits.work,
    fallback: { memory: null, pids: null },
    drop: [],
    ownsNamespace: false,
    session: null,
  });
  return {
    uid: null,
    releaseUid: () => {},
    goAhead: directory,
    bubblewrapArguments: [],
    script,
    accounts: "",
    groups: null,
    code,
    inputs,
    stdin,
    outputs,
    except: neverOutput(program),
    timeout,
    limits,
  };
}

/** Runs code as plain processes, in a directory below the cell's. */
export function bareEngine(stateDirectory: string, log: (line: string) => void): Engine {
  // The worker's configuration disables the sandbox, so questions to interpreters run without one as well.
  const interpreterOf = createInterpreterCache(({ command: [program = "", ...args], code, environment }) =>
    outputOf(program, [...args, "-c", code], { environment: { PATH: systemPath, ...environment } }),
  );
  let made: Promise<LauncherPool> | undefined;
  const pool = (): Promise<LauncherPool> => {
    made ??= findGroups().then((groups) =>
      launcherPool({
        directory: launcherDirectory(stateDirectory),
        groups,
        bubblewrap: null,
        seccomp: Buffer.alloc(0),
      }),
    );
    return made;
  };
  log("this worker runs code WITHOUT a sandbox, as its configuration says");
  return {
    examine: () => Promise.resolve("no sandbox, by the worker's configuration"),
    isolation: bareIsolation,
    runtime: async (shape) => {
      refusePackages(shape);
      throw new Error("a cell without packages has no need to ask");
    },
    provision: async ({ language }) => void (await interpreterOf(language)),
    prepare: async ({ cellId, shape }, program, context) => {
      const interpreter = await interpreterOf(shape.language);
      const run = await composeBareRun(join(stateDirectory, cellId), interpreter, shape, program, context);
      return { run, launcher: await (await pool()).take() };
    },
    prepareLasting: async ({ shape }) => {
      refuseMany(shape);
      throw new Error("one program does not need a sandbox that stays");
    },
    warm: () => void made?.then((ready) => ready.warm()).catch(() => {}),
    close: async () => (await made)?.close(),
  };
}
