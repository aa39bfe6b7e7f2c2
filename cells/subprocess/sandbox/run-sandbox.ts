/**
 * Carries out one run in a sandbox of its own, from a waiting launcher to its end.
 *
 * @module
 */

import type { ProgramContext, ProgramOutcome } from "../../provider.ts";
import type { Launcher } from "../launcher/launcher.ts";
import { followProgram, type ProgramConnections, type ProgramPlan, rejection } from "./follow-program.ts";
import { descriptors } from "./sandbox-paths.ts";

/** The parts of a sandbox, without those of a program except its code's file. */
export interface SandboxPlan {
  /** The uid of its programs if the worker is root. */
  readonly uid: number | null;
  /** Releases the uid once no process of the sandbox is left. */
  readonly releaseUid: () => void;
  /** The line that makes the launcher continue: {@link Launcher}. */
  readonly goAhead: string;
  readonly bubblewrapArguments: readonly string[];
  /** The content of /etc/passwd. */
  readonly accounts: string;
  /** The content of /etc/group; null without a sandbox. */
  readonly groups: string | null;
}

/** The complete input of a run, determined before it starts. */
export interface SandboxRun extends SandboxPlan, ProgramPlan {
  readonly script: string;
  readonly code: Buffer | null;
}

/** Sends a waiting launcher the parts from which it becomes the sandbox. */
export function sendSandbox({ socket }: Launcher, plan: SandboxPlan, script: string, code: Buffer | null): void {
  socket(descriptors.code).end(code ?? "");
  socket(descriptors.script).end(script);
  socket(descriptors.accounts).end(plan.accounts);
  if (plan.groups !== null) socket(descriptors.groups).end(plan.groups);
  socket(descriptors.arguments).end(`${plan.goAhead}\n${plan.bubblewrapArguments.map((word) => `${word}\0`).join("")}`);
}

/** The connections of the only program of a launcher. */
function ownConnections(launcher: Launcher, run: SandboxRun): ProgramConnections {
  const { socket, group } = launcher;
  return {
    ...launcher.openOutput(run.uid),
    stdin: socket(descriptors.stdin),
    diagnostics: socket(descriptors.diagnostics),
    inputs: socket(descriptors.control),
    reports: launcher.control,
    group,
    ready: launcher.ready,
    begin: () => sendSandbox(launcher, run, run.script, run.code),
    kill: () => launcher.kill(),
    // The supervisor is killed with the program, and reports no end.
    wasKilled: () => false,
    over: launcher.ended,
    // Without a sandbox, a process that left the process group may keep the streams open forever.
    mayStayOpen: launcher.isBare,
    usage: () => group?.usage(),
    destroy: () => {
      launcher.kill();
      for (const stream of launcher.child.stdio) stream?.destroy();
    },
  };
}

/**
 * Starts a launcher and follows it to its end.
 *
 * @throws KgentsError if the code was certainly not started
 */
export async function runSandbox(
  launcher: Launcher,
  run: SandboxRun,
  context: ProgramContext,
): Promise<ProgramOutcome> {
  try {
    const opening = run.stdin === undefined ? undefined : context.open(run.stdin);
    const stdin = await Promise.race([opening, rejection(context.abandoned)]);
    launcher.group?.limit(run.limits);
    return await followProgram(run, ownConnections(launcher, run), context, stdin);
  } finally {
    void launcher.ended.then(run.releaseUid);
  }
}
