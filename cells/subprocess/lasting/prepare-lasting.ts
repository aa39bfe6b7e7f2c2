import type { CellShape, Program } from "#core/contract/cell-shape";
import type { CellPlan } from "../../cell-plan.ts";
import type { InputFile } from "../../files/deliver-inputs.ts";
import type { Launcher } from "../launcher/launcher.ts";
import { cellLimits } from "../machine/limits.ts";
import {
  codeFileOf,
  composeSandbox,
  dropCommand,
  inputsOf,
  type SandboxSources,
  supervisorPlan,
} from "../sandbox/compose-run.ts";
import type { PreparedSandbox } from "../sandbox/engine.ts";
import { exchangeOf, type LastingProgram, openLastingSandbox } from "./lasting-sandbox.ts";
import { lastingScript, programScripts } from "./lasting-script.ts";

/**
 * The program's code is one more of its input files: the work directory belongs to earlier programs as well, so nobody
 * with other permissions than theirs may write there.
 */
function allInputs(program: Program): InputFile[] {
  const { code, codeFile } = program;
  const own = code === undefined ? [] : [{ name: codeFile, content: code, executable: true }];
  return [...own, ...inputsOf(program)];
}

function composeProgram(
  shape: CellShape,
  program: Program,
  sources: SandboxSources,
  uid: number | null,
): LastingProgram {
  const { stdin, outputs, timeout } = program;
  const inputs = allInputs(program);
  return {
    scripts: programScripts(supervisorPlan(shape, program, sources, uid)),
    inputs,
    stdin,
    outputs,
    except: codeFileOf(program),
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
  const script = lastingScript(uid === null ? [] : dropCommand(sources.machine.setpriv, uid));
  return {
    open: () => openLastingSandbox(launcher, plan, script, cellLimits(cell.shape)),
    compose: async (program) => composeProgram(cell.shape, program, sources, uid),
  };
}
