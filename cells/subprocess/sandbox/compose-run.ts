import { buffer } from "node:stream/consumers";
import type { CellShape, Program } from "#core/contract/cell-shape";
import type { CellPlan } from "../../cell-plan.ts";
import { commonEnvironment } from "../../common-environment.ts";
import { findPattern } from "../../files/output-patterns.ts";
import type { ProgramContext } from "../../provider.ts";
import type { Interpreter } from "../interpreters/interpreter-command.ts";
import { claimUid } from "../machine/claim-uid.ts";
import { rlimitFallback } from "../machine/isolation.ts";
import { cellLimits } from "../machine/limits.ts";
import type { Machine } from "../machine/machine.ts";
import { type BubblewrapPlan, bubblewrapArguments, userModeUid } from "./bubblewrap-arguments.ts";
import type { SupervisorPlan } from "./program-script.ts";
import type { SandboxPlan, SandboxRun } from "./run-sandbox.ts";
import { workDirectory } from "./sandbox-paths.ts";
import { supervisorScript } from "./supervisor-script.ts";

/** The environment of the code; the request's own values take precedence. */
export const cellEnvironment = (
  home: string,
  temporary: string,
  interpreterDirectory: string,
  requested: Readonly<Record<string, string>>,
): Record<string, string> => ({
  PATH: [...new Set([interpreterDirectory, "/usr/local/bin", "/usr/bin", "/bin"])].join(":"),
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
}

/** Composes the parts of a sandbox. */
export async function composeSandbox(
  { cellId, shape }: CellPlan,
  { machine, interpreter }: SandboxSources,
  { codeFile, exchange }: Pick<BubblewrapPlan, "codeFile" | "exchange">,
): Promise<SandboxPlan> {
  const limits = cellLimits(shape);
  const claimed = machine.mode === "root" ? await claimUid(cellId, machine.uidMap) : null;
  const uid = claimed?.uid ?? null;
  const inside = uid ?? userModeUid;
  const online = shape.network.to !== "nothing";
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
      binds: interpreter.binds,
      limits,
      codeFile,
      exchange,
      shell: machine.shell,
    }),
    accounts: `root:x:0:0::/root:/bin/false\nkgents:x:${inside}:${inside}::${workDirectory}:/bin/sh\n`,
    groups: `root:x:0:\nkgents:x:${inside}:\n`,
  };
}

/** The supervisor's input about a program in a sandbox. */
export function supervisorPlan(
  shape: CellShape,
  program: Program,
  { machine, interpreter }: SandboxSources,
  uid: number | null,
): SupervisorPlan {
  const { codeFile, env, stdin, outputs, timeout } = program;
  const limits = cellLimits(shape);
  return {
    command: [...interpreter.command, `${workDirectory}/${codeFile}`, ...program.args],
    environment: cellEnvironment(workDirectory, "/tmp", interpreter.directory, env),
    ownEnvironment: Object.keys(env).length > 0,
    directory: workDirectory,
    stdin: stdin !== undefined,
    timeout,
    inputs: inputsOf(program).length > 0,
    patterns: outputs.map(findPattern),
    openFiles: limits.openFiles,
    largestFile: limits.work,
    fallback: rlimitFallback(machine, limits, interpreter.command[0] ?? ""),
    drop: uid === null ? [] : dropCommand(machine.setpriv, uid),
    ownsNamespace: true,
  };
}

/** The input files of a program, without one that its code replaces. */
export const inputsOf = ({ files, code, codeFile }: Program): Program["files"] =>
  files.filter(({ name }) => code === undefined || name !== codeFile);

/** The file of a program's own code. It is never output. */
export const codeFileOf = ({ code, codeFile }: Program): ReadonlySet<string> =>
  new Set(code === undefined ? [] : [codeFile]);

/** Composes the input of one run in a sandbox of its own. */
export async function composeRun(
  cell: CellPlan,
  program: Program,
  context: Pick<ProgramContext, "open">,
  sources: SandboxSources,
): Promise<SandboxRun> {
  const { codeFile, stdin, outputs, timeout } = program;
  // Read the code completely before anything starts: partial code must never run because the store failed.
  const code = program.code === undefined ? null : await buffer(await context.open(program.code));
  const sandbox = await composeSandbox(cell, sources, { codeFile: code === null ? null : codeFile, exchange: null });
  return {
    ...sandbox,
    script: supervisorScript(supervisorPlan(cell.shape, program, sources, sandbox.uid)),
    code,
    inputs: inputsOf(program),
    stdin,
    outputs,
    except: codeFileOf(program),
    timeout,
    limits: cellLimits(cell.shape),
  };
}
