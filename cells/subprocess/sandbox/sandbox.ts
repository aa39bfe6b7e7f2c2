/**
 * The sandbox of this machine: examined, probed, and ready to run cells.
 *
 * @module
 */

import { join } from "node:path";
import { KgentsError } from "#core/contract/error";
import { requestSchema } from "#core/contract/request";
import { messageOf } from "#core/text/message-of";
import type { Launcher } from "../launcher/launcher.ts";
import { type LauncherPool, launcherPool } from "../launcher/launcher-pool.ts";
import { cellLimits } from "../machine/limits.ts";
import { examineMachine, type Machine } from "../machine/machine.ts";
import { judgeProbe, probeCommand, probeContext, probeRefusal } from "../machine/probe.ts";
import { userModeUid } from "./bubblewrap-arguments.ts";
import { composeRun } from "./compose-run.ts";
import { runSandbox } from "./run-sandbox.ts";
import { privateShell } from "./sandbox-paths.ts";

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
  const owner = { workflowId: probeCell, runId: probeCell };
  const plan = { cellId: probeCell, spec, language, owner };
  const run = await composeRun(plan, context, machine, interpreter, cellLimits(spec));
  let launcher: Launcher | undefined;
  try {
    launcher = await pool.take();
    const outcome = await runSandbox(launcher, run, context);
    const uid = run.uid ?? userModeUid;
    const reason = outcome.exit?.code === undefined ? (outcome.lost ?? "it did not end") : judgeProbe(printed(), uid);
    if (reason !== undefined) throw probeRefusal(machine, reason);
  } catch (error) {
    // Here every failure means the same: there is no sandbox.
    if (error instanceof KgentsError && error.code === "sandbox-unavailable") throw error;
    const said = messageOf(error);
    throw new KgentsError("sandbox-unavailable", said, { cause: error });
  } finally {
    await launcher?.remove();
  }
}

/** What a sandbox is looked for with. */
export interface SandboxOptions {
  readonly stateDirectory: string;
  readonly findBubblewrap: () => Promise<string>;
}

/** Gives the sandbox of this machine, or says why there is none. */
export interface SandboxSource {
  /** @throws KgentsError `sandbox-unavailable` */
  readonly get: () => Promise<Sandbox>;
  readonly close: () => Promise<void>;
}

async function build(options: SandboxOptions): Promise<Sandbox> {
  const machine = await examineMachine(options);
  const pool = launcherPool({
    directory: launcherDirectory(options.stateDirectory),
    ...{ groups: machine.groups, bubblewrap: machine.bubblewrap },
    ...{ seccomp: machine.seccomp },
    ...(machine.shell === null ? {} : { shell: privateShell }),
  });
  return { machine, pool };
}

/** Remembers the sandbox, and looks again from time to time. */
export function sandboxSource(options: SandboxOptions): SandboxSource {
  let built: Promise<Sandbox> | undefined;
  let answer: { readonly sandbox: Promise<Sandbox>; readonly until: number } | undefined;
  const examine = async (): Promise<Sandbox> => {
    built ??= build(options);
    try {
      const sandbox = await built;
      await probe(sandbox);
      return sandbox;
    } catch (error) {
      // Built anew next time: what was missing may be there then.
      const failed = built;
      built = undefined;
      await failed?.then(({ pool }) => pool.close()).catch(() => {});
      throw error;
    }
  };
  return {
    get: () => {
      if (answer !== undefined && Date.now() < answer.until) return answer.sandbox;
      const sandbox = examine();
      answer = { sandbox, until: Date.now() + lifetime };
      sandbox.catch(() => {
        answer = { sandbox, until: Date.now() + refusalLifetime };
      });
      return sandbox;
    },
    close: async () => {
      const { pool } = (await built?.catch(() => undefined)) ?? {};
      await pool?.close();
    },
  };
}
