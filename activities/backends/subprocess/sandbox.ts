/**
 * The sandbox of this machine: examined, probed, and ready to run cells.
 *
 * @module
 */
import { join } from "node:path";
import { requestSchema } from "../../../core/request.ts";
import { userModeUid } from "./bubblewrap-arguments.ts";
import { composeRun } from "./compose-run.ts";
import { type LauncherPool, launcherPool } from "./launcher-pool.ts";
import { cellLimits } from "./limits.ts";
import { examineMachine, type Machine } from "./machine.ts";
import { judgeProbe, probeCommand, probeContext, probeRefusal } from "./probe.ts";
import { runSandbox } from "./run-sandbox.ts";
import { runUid } from "./run-uid.ts";
import { sandboxFailure } from "./sandbox-failure.ts";
import { KgentsError } from "../../../core/error.ts";

/** A sandbox that was seen to work. */
export interface Sandbox {
  readonly machine: Machine;
  readonly pool: LauncherPool;
}

/** For so long an answer is good, in milliseconds. */
const lifetime = 60_000;
/** A refusal is looked at again sooner: somebody may be installing what is missing. */
const refusalLifetime = 5000;

/** Where launchers keep their records. */
export const launcherDirectory = (stateDirectory: string): string => join(stateDirectory, ".launchers");

const probeCell = "probe";

/** Runs the whole sandbox once and compares what the kernel says inside with what must be. */
async function probe(sandbox: Sandbox): Promise<void> {
  const { machine, pool } = sandbox;
  const spec = requestSchema.parse({ code: "probe", cpu: 1, disk: "1Mi" });
  const language = { name: "probe", aliases: [], fileName: "status", extensions: [], image: "", command: probeCommand };
  const interpreter = { command: probeCommand, binds: [], directory: "/usr/bin", hostCommand: probeCommand };
  const { context, printed } = probeContext();
  const plan = { cellId: probeCell, spec: { ...spec, code: undefined, entrypoint: "" }, language };
  const run = await composeRun(plan, context, machine, interpreter, cellLimits(spec), null);
  const launcher = await pool.take();
  try {
    const outcome = await runSandbox(launcher, run, context);
    const uid = machine.mode === "root" ? runUid(probeCell, machine.uidMap) : userModeUid;
    const reason = outcome.exit?.code === undefined ? (outcome.lost ?? "it did not end") : judgeProbe(printed(), uid);
    if (reason !== undefined) throw probeRefusal(machine, reason);
  } catch (error) {
    // Here every failure means the same: there is no sandbox.
    if (error instanceof KgentsError && error.code === "sandbox-unavailable") throw error;
    const said = error instanceof Error ? error.message : String(error);
    throw new KgentsError("sandbox-unavailable", said, { cause: error });
  } finally {
    await launcher.remove();
  }
}
