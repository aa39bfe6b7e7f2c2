import { buffer } from "node:stream/consumers";
import type { CellShape, Program } from "#core/contract/cell-shape";
import { withPackages } from "#core/packages/in-cell";
import type { CellPlan } from "../../cell-plan.ts";
import { commonEnvironment } from "../../common-environment.ts";
import { findPattern } from "../../files/output-patterns.ts";
import { codeFileOf, commandOf, inputsOf, kernelResultFile, neverOutput, stdinOf } from "../../program-command.ts";
import type { ProgramContext } from "../../provider.ts";
import type { Interpreter } from "../interpreters/interpreter-command.ts";
import { claimUid } from "../machine/claim-uid.ts";
import { rlimitFallback } from "../machine/isolation.ts";
import { cellLimits } from "../machine/limits.ts";
import type { Machine } from "../machine/machine.ts";
import { type BubblewrapPlan, bubblewrapArguments, userModeUid } from "./bubblewrap-arguments.ts";
import type { MountedPackages } from "./mounted-packages.ts";
import type { SupervisorPlan } from "./program-script.ts";
import type { SandboxPlan, SandboxRun } from "./run-sandbox.ts";
import { kernelHome, kernelsDirectory, workDirectory } from "./sandbox-paths.ts";
import { supervisorScript } from "./supervisor-script.ts";

/** The environment of the code; the request's own values take precedence. */
export const cellEnvironment = (
  home: string,
  temporary: string,
  programs: readonly string[],
  requested: Readonly<Record<string, string>>,
): Record<string, string> => ({
  PATH: [...new Set([...programs, "/usr/local/bin", "/usr/bin", "/bin"])].join(":"),
  HOME: home,
  LANG: "C.UTF-8",
  TMPDIR: temporary,
  ...commonEnvironment,
  ...requested,
});

/** The command that permanently switches to the run's user. */
export const dropCommand = (setpriv: string, uid: number): string[] => [
  ...[setpriv, "--reuid", String(uid), "--regid", String(uid), "--clear-groups"],
  ...["--inh-caps=-all", "--bounding-set=-all", "--no-new-privs", "--"],
];

/** The inputs for composing a sandbox and its programs. */
export interface SandboxSources {
  readonly machine: Machine;
  readonly interpreter: Interpreter;
  /** The packages of the cell. @default none */
  readonly packages?: MountedPackages | undefined;
}

/** Composes the parts of a sandbox. */
export async function composeSandbox(
  { cellId, shape }: CellPlan,
  { machine, interpreter, packages }: SandboxSources,
  { codeFile, exchange }: Pick<BubblewrapPlan, "codeFile" | "exchange">,
): Promise<SandboxPlan> {
  const limits = cellLimits(shape);
  const claimed = machine.mode === "root" ? await claimUid(cellId, machine.uidMap) : null;
  const uid = claimed?.uid ?? null;
  const inside = uid ?? userModeUid;
  const online = shape.network.to !== "nothing";
  const kernels = { source: machine.kernels, target: kernelsDirectory };
  const view = online ? machine.view.online : machine.view.offline;
  return {
    uid,
    releaseUid: claimed?.release ?? (() => {}),
    goAhead: "go",
    bubblewrapArguments: bubblewrapArguments({
      mode: machine.mode,
      ownNetwork: !online,
      disablesUserNamespaces: machine.disablesUserNamespaces,
      view,
      binds: [
        ...interpreter.binds,
        ...(packages ? [packages.bind] : []),
        ...(shape.programs === "session" ? [kernels] : []),
      ],
      limits,
      codeFile,
      exchange,
      shell: machine.shell,
    }),
    accounts: `root:x:0:0::/root:/bin/false\nkgents:x:${inside}:${inside}::${workDirectory}:/bin/sh\n`,
    groups: `root:x:0:\nkgents:x:${inside}:\n`,
  };
}

/** Where programs find what they need in a sandbox. */
const places = { shell: "/bin/sh", work: workDirectory, kernels: kernelsDirectory, kernelHome };

/** The supervisor's input about program `n` of a cell. */
export function supervisorPlan(
  shape: CellShape,
  n: number,
  program: Program,
  { machine, interpreter, packages }: SandboxSources,
  uid: number | null,
): SupervisorPlan {
  const { env, kernel, outputs, timeout } = program;
  const limits = cellLimits(shape);
  const { language } = shape;
  return {
    command: commandOf(program, n, { language, interpreter: interpreter.command }, places),
    environment: cellEnvironment(
      workDirectory,
      "/tmp",
      [...(packages ? [packages.programs] : []), interpreter.directory],
      withPackages(env, packages?.ecosystem),
    ),
    ownEnvironment: Object.keys(env).length > 0,
    directory: workDirectory,
    stdin: stdinOf(program) !== undefined,
    timeout,
    inputs: inputsOf(program).length > 0,
    patterns: outputs.map(findPattern),
    openFiles: limits.openFiles,
    largestFile: limits.work,
    fallback: rlimitFallback(machine, limits, interpreter.command[0] ?? ""),
    drop: uid === null ? [] : dropCommand(machine.setpriv, uid),
    ownsNamespace: true,
    session: shape.programs === "session" ? { kernelResult: kernel ? kernelResultFile(kernelHome, n) : null } : null,
  };
}

/** Composes the input of one run in a sandbox of its own. */
export async function composeRun(
  cell: CellPlan,
  program: Program,
  context: Pick<ProgramContext, "open">,
  sources: SandboxSources,
): Promise<SandboxRun> {
  const { outputs, timeout } = program;
  const own = codeFileOf(program);
  // Read the code completely before anything starts: partial code must never run because the store failed.
  const code = own === undefined ? null : await buffer(await context.open(own.content));
  const sandbox = await composeSandbox(cell, sources, { codeFile: own?.name ?? null, exchange: null });
  return {
    ...sandbox,
    script: supervisorScript(supervisorPlan(cell.shape, 1, program, sources, sandbox.uid)),
    code,
    inputs: inputsOf(program),
    stdin: stdinOf(program),
    outputs,
    except: neverOutput(program),
    timeout,
    limits: cellLimits(cell.shape),
  };
}
