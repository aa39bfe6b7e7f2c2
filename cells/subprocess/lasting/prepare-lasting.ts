import type { CellShape, Program } from "#core/contract/cell-shape";
import type { CellPlan } from "../../cell-plan.ts";
import type { InputFile } from "../../files/deliver-inputs.ts";
import { codeFileOf, inputsOf, neverOutput, stdinOf } from "../../program-command.ts";
import type { Launcher } from "../launcher/launcher.ts";
import { cellLimits } from "../machine/limits.ts";
import { composeSandbox, dropCommand, type SandboxSources, supervisorPlan } from "../sandbox/compose-run.ts";
import type { PreparedSandbox } from "../sandbox/engine.ts";
import { exchangeOf, openLastingSandbox } from "./lasting-sandbox.ts";
import { lastingScript, programScripts } from "./lasting-script.ts";
import type { LastingProgram } from "./program-connections.ts";

/**
 * The program's code is one more of its input files: the work directory belongs to earlier programs as well, so nobody
 * with other permissions than theirs may write there.
 */
function allInputs(program: Program): InputFile[] {
  const own = codeFileOf(program);
  return [...(own === undefined ? [] : [{ ...own, executable: true }]), ...inputsOf(program)];
}

function composeProgram(
  shape: CellShape,
  n: number,
  program: Program,
  sources: SandboxSources,
  uid: number | null,
): LastingProgram {
  const { outputs, timeout, kernel } = program;
  const inputs = allInputs(program);
  return {
    scripts: programScripts(supervisorPlan(shape, n, program, sources, uid)),
    session: shape.programs === "session" ? { isCall: kernel === true } : null,
    inputs,
    stdin: stdinOf(program),
    outputs,
    except: neverOutput(program),
    timeout,
    limits: cellLimits(shape),
  };
}

/** Prepares a launcher to become a sandbox that stays. */
export async function prepareLasting(
  cell: CellPlan,
  sources: SandboxSources,
  launcher: Launcher,
): Promise<Pick<PreparedSandbox, "open" | "compose">> {
  const plan = await composeSandbox(cell, sources, { codeFile: null, exchange: exchangeOf(launcher) });
  const { uid } = plan;
  const script = lastingScript(uid === null ? [] : dropCommand(sources.machine.setpriv, uid), cell.shape.programs);
  return {
    open: () => openLastingSandbox(launcher, plan, script, cellLimits(cell.shape)),
    compose: async (n, program) => composeProgram(cell.shape, n, program, sources, uid),
  };
}
