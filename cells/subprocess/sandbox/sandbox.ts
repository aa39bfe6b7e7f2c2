/**
 * The sandbox of this machine: examined, probed, and ready to run cells.
 *
 * @module
 */

import { join } from "node:path";
import { programOf, shapeOf } from "#core/contract/cell-shape";
import { KgentsError } from "#core/contract/error";
import { requestSchema } from "#core/contract/request";
import { messageOf } from "#core/text/message-of";
import type { Launcher } from "../launcher/launcher.ts";
import { type LauncherPool, launcherPool } from "../launcher/launcher-pool.ts";
import { examineMachine, type Machine } from "../machine/machine.ts";
import { judgeProbe, probeCommand, probeContext, probeRefusal } from "../machine/probe.ts";
import { userModeUid } from "./bubblewrap-arguments.ts";
import { composeRun } from "./compose-run.ts";
import { runSandbox } from "./run-sandbox.ts";
import { privateShell } from "./sandbox-paths.ts";

/** A sandbox that passed its probe. */
export interface Sandbox {
  readonly machine: Machine;
  readonly pool: LauncherPool;
}

/** How long a successful check is valid, in milliseconds. */
const lifetime = 60_000;
/** A failed check expires sooner, because missing tools may be installed in the meantime. */
const refusalLifetime = 5000;

/** The directory of the launchers' records. */
export const launcherDirectory = (stateDirectory: string): string => join(stateDirectory, ".launchers");

const probeCell = "probe";

/** Runs the sandbox once and compares the kernel's status inside with the required isolation. */
async function probe(sandbox: Sandbox): Promise<void> {
  const { machine, pool } = sandbox;
  const spec = requestSchema.parse({ code: "probe", cpu: 1, disk: "1Mi" });
  const language = { name: "probe", aliases: [], fileName: "status", extensions: [], image: "", command: probeCommand };
  const interpreter = { command: probeCommand, binds: [], directory: "/usr/bin", hostCommand: probeCommand };
  const { context, printed } = probeContext();
  const owner = { workflowId: probeCell, runId: probeCell };
  const cell = { cellId: probeCell, shape: shapeOf(spec, language), owner };
  const run = await composeRun(cell, programOf(spec, language), context, { machine, interpreter });
  let launcher: Launcher | undefined;
  try {
    launcher = await pool.take();
    const outcome = await runSandbox(launcher, run, context);
    const uid = run.uid ?? userModeUid;
    const reason = outcome.exit?.code === undefined ? (outcome.lost ?? "it did not end") : judgeProbe(printed(), uid);
    if (reason !== undefined) throw probeRefusal(machine, reason);
  } catch (error) {
    // Any failure of the probe means that there is no sandbox.
    if (error instanceof KgentsError && error.code === "sandbox-unavailable") throw error;
    const said = messageOf(error);
    throw new KgentsError("sandbox-unavailable", said, { cause: error });
  } finally {
    await launcher?.remove();
  }
}

/** The options for building a sandbox. */
export interface SandboxOptions {
  readonly stateDirectory: string;
  readonly findBubblewrap: () => Promise<string>;
  /** Where packages are kept: see `Paths`. */
  readonly cacheDirectory: string;
}

/** Provides the sandbox of this machine, or the reason why there is none. */
export interface SandboxSource {
  /** @throws KgentsError `sandbox-unavailable` */
  readonly get: () => Promise<Sandbox>;
  readonly close: () => Promise<void>;
}

async function build(options: SandboxOptions): Promise<Sandbox> {
  const machine = await examineMachine(options);
  const pool = launcherPool({
    directory: launcherDirectory(options.stateDirectory),
    groups: machine.groups,
    bubblewrap: machine.bubblewrap,
    seccomp: machine.seccomp,
    ...(machine.shell === null ? {} : { shell: privateShell }),
  });
  return { machine, pool };
}

/** Caches the sandbox, and checks it again from time to time. */
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
      // Build again next time: missing tools may be installed by then.
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
