import { buffer } from "node:stream/consumers";
import type { Program } from "#core/contract/cell-shape";
import type { CellPlan } from "../../cell-plan.ts";
import { commonEnvironment } from "../../common-environment.ts";
import { findPattern } from "../../files/output-patterns.ts";
import type { ProgramContext } from "../../provider.ts";
import type { Interpreter } from "../interpreters/interpreter-command.ts";
import { claimUid } from "../machine/claim-uid.ts";
import { rlimitFallback } from "../machine/isolation.ts";
import { cellLimits } from "../machine/limits.ts";
import type { Machine } from "../machine/machine.ts";
import { bubblewrapArguments, userModeUid } from "./bubblewrap-arguments.ts";
import type { SandboxRun } from "./run-sandbox.ts";
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
const dropCommand = (setpriv: string, uid: number): string[] => [
  ...[setpriv, "--reuid", String(uid), "--regid", String(uid), "--clear-groups"],
  ...["--inh-caps=-all", "--bounding-set=-all", "--no-new-privs", "--"],
];

/** Composes the input of one run in the sandbox. */
export async function composeRun(
  { cellId, shape }: CellPlan,
  program: Program,
  context: Pick<ProgramContext, "open">,
  machine: Machine,
  interpreter: Interpreter,
): Promise<SandboxRun> {
  const limits = cellLimits(shape);
  const { codeFile, env, stdin, outputs, timeout } = program;
  // Read the code completely before anything starts: partial code must never run because the store failed.
  const code = program.code === undefined ? null : await buffer(await context.open(program.code));
  const claimed = machine.mode === "root" ? await claimUid(cellId, machine.uidMap) : null;
  const uid = claimed?.uid ?? null;
  const inside = uid ?? userModeUid;
  const inputs = program.files.filter(({ name }) => code === null || name !== codeFile);
  const script = supervisorScript({
    command: [...interpreter.command, `${workDirectory}/${codeFile}`, ...program.args],
    environment: cellEnvironment(workDirectory, "/tmp", interpreter.directory, env),
    ownEnvironment: Object.keys(env).length > 0,
    directory: workDirectory,
    stdin: stdin !== undefined,
    timeout,
    inputs: inputs.length > 0,
    patterns: outputs.map(findPattern),
    openFiles: limits.openFiles,
    largestFile: limits.work,
    fallback: rlimitFallback(machine, limits, interpreter.command[0] ?? ""),
    drop: uid === null ? [] : dropCommand(machine.setpriv, uid),
    ownsNamespace: true,
  });
  const online = shape.network.to !== "nothing";
  const view = online ? machine.view.online : machine.view.offline;
  const codeInside = code === null ? null : codeFile;
  return {
    uid,
    releaseUid: claimed?.release ?? (() => {}),
    goAhead: "go",
    bubblewrapArguments: bubblewrapArguments({
      ...{ mode: machine.mode, ownNetwork: !online, disablesUserNamespaces: machine.disablesUserNamespaces },
      ...{ view, binds: interpreter.binds, limits, codeFile: codeInside, shell: machine.shell },
    }),
    script,
    accounts: `root:x:0:0::/root:/bin/false\nkgents:x:${inside}:${inside}::${workDirectory}:/bin/sh\n`,
    groups: `root:x:0:\nkgents:x:${inside}:\n`,
    ...{ code, codeFile, inputs, stdin, outputs },
    ...{ timeout, limits },
  };
}
