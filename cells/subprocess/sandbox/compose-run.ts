import { buffer } from "node:stream/consumers";
import { commonEnvironment } from "../../common-environment.ts";
import { findPattern } from "../../files/output-patterns.ts";
import type { CellPlan, ExecuteContext } from "../../provider.ts";
import type { Interpreter } from "../interpreters/interpreter-command.ts";
import { claimUid } from "../machine/claim-uid.ts";
import { rlimitFallback } from "../machine/isolation.ts";
import type { CellLimits } from "../machine/limits.ts";
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
  plan: CellPlan,
  context: Pick<ExecuteContext, "open">,
  machine: Machine,
  interpreter: Interpreter,
  limits: CellLimits,
): Promise<SandboxRun> {
  const { spec, language } = plan;
  // Read the code completely before anything starts: partial code must never run because the store failed.
  const code = spec.code === undefined ? null : await buffer(await context.open(spec.code));
  const claimed = machine.mode === "root" ? await claimUid(plan.cellId, machine.uidMap) : null;
  const uid = claimed?.uid ?? null;
  const inside = uid ?? userModeUid;
  const codeFile = spec.entrypoint ?? language.fileName;
  const inputs = spec.files.filter(({ name }) => code === null || name !== codeFile);
  const script = supervisorScript({
    command: [...interpreter.command, `${workDirectory}/${codeFile}`, ...spec.args],
    environment: cellEnvironment(workDirectory, "/tmp", interpreter.directory, spec.env),
    ownEnvironment: Object.keys(spec.env).length > 0,
    directory: workDirectory,
    stdin: spec.stdin !== undefined,
    timeout: spec.timeout,
    inputs: inputs.length > 0,
    patterns: spec.outputs.map(findPattern),
    openFiles: limits.openFiles,
    largestFile: limits.work,
    fallback: rlimitFallback(machine, limits, interpreter.command[0] ?? ""),
    drop: uid === null ? [] : dropCommand(machine.setpriv, uid),
    ownsNamespace: true,
  });
  const view = spec.network ? machine.view.online : machine.view.offline;
  const codeInside = code === null ? null : codeFile;
  return {
    uid,
    releaseUid: claimed?.release ?? (() => {}),
    goAhead: "go",
    bubblewrapArguments: bubblewrapArguments({
      ...{ mode: machine.mode, ownNetwork: !spec.network, disablesUserNamespaces: machine.disablesUserNamespaces },
      ...{ view, binds: interpreter.binds, limits, codeFile: codeInside, shell: machine.shell },
    }),
    script,
    accounts: `root:x:0:0::/root:/bin/false\nkgents:x:${inside}:${inside}::${workDirectory}:/bin/sh\n`,
    groups: `root:x:0:\nkgents:x:${inside}:\n`,
    ...{ code, codeFile, inputs, stdin: spec.stdin, outputs: spec.outputs },
    ...{ timeout: spec.timeout, limits },
  };
}
