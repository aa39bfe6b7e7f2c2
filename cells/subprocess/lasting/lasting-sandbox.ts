/**
 * A sandbox that stays after a program and waits for the next one.
 *
 * @module
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { controlReader } from "../../files/control-reader.ts";
import { lostOutcome, type ProgramContext, type ProgramOutcome } from "../../provider.ts";
import { usageSince } from "../cgroups/usage-since.ts";
import type { Launcher } from "../launcher/launcher.ts";
import { beginningOf } from "../launcher/read-beginning.ts";
import type { CellLimits } from "../machine/limits.ts";
import { followProgram, type ProgramConnections, type ProgramPlan, rejection } from "../sandbox/follow-program.ts";
import { type SandboxPlan, sendSandbox } from "../sandbox/run-sandbox.ts";
import { sandboxFailure } from "../sandbox/sandbox-failure.ts";
import { descriptors } from "../sandbox/sandbox-paths.ts";
import { type ConnectedPipes, layOutPipes } from "./exchange.ts";
import type { ProgramScripts } from "./lasting-script.ts";
import { announcements } from "./pipe-names.ts";
import { programKiller } from "./program-killer.ts";

/** One program of a sandbox that stays. */
export interface LastingProgram extends ProgramPlan {
  readonly scripts: ProgramScripts;
}

/** A sandbox that stays. */
export interface LastingSandbox {
  /** Why it runs no program any more; undefined while it can. */
  readonly whyGone: () => string | undefined;
  /** Runs a program. No other one may run. */
  readonly run: (program: LastingProgram, context: ProgramContext) => Promise<ProgramOutcome>;
}

const newline = 0x0a;

const endedWith = "the sandbox of the cell has ended, and what was in it is gone";

/** Where the pipes of its programs are, on the host. */
export function exchangeOf(launcher: Launcher): string {
  const directory = join(launcher.directory, "io");
  // No other user, and no program if the worker is root, may open what is in it.
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  return directory;
}

/** Connects a program whose pipes the supervisor has opened. */
function programConnections(
  launcher: Launcher,
  pipes: ConnectedPipes,
  { script, start }: ProgramScripts,
  { over, giveUp }: { readonly over: Promise<void>; readonly giveUp: () => void },
): ProgramConnections {
  const { group } = launcher;
  const killer = programKiller(launcher, over, giveUp);
  return {
    stdin: pipes.find("stdin"),
    inputs: pipes.find("inputs"),
    stdout: pipes.get("stdout"),
    stderr: pipes.get("stderr"),
    diagnostics: pipes.get("diagnostics"),
    reports: controlReader(pipes.get("reports")),
    group,
    ready: Promise.resolve(true),
    begin: (delivered) => {
      pipes.find("start")?.end(start ?? "");
      const send = (isComplete: boolean): void => void pipes.get("script").end(isComplete ? script : "");
      if (delivered === undefined) send(true);
      else delivered.then(send);
    },
    kill: killer.kill,
    wasKilled: killer.wasUsed,
    over,
    // No process is left that could. Still, the next program must not wait for a stream without end.
    mayStayOpen: true,
    usage: group ? usageSince(group) : () => undefined,
    destroy: () => {
      giveUp();
      pipes.destroy();
    },
  };
}

/**
 * Makes a waiting launcher a sandbox that stays.
 *
 * @throws KgentsError if it does not start
 */
export async function openLastingSandbox(
  launcher: Launcher,
  plan: SandboxPlan,
  script: string,
  limits: CellLimits,
): Promise<LastingSandbox> {
  const { control, fifos, group, socket } = launcher;
  const exchange = exchangeOf(launcher);
  let gone: string | undefined;
  const giveUp = (): void => {
    gone ??= endedWith;
    launcher.kill();
  };
  void launcher.ended.then(() => {
    gone ??= endedWith;
    plan.releaseUid();
  });
  group?.limit(limits);
  const diagnostics = beginningOf(socket(descriptors.diagnostics));
  socket(descriptors.stdin).end();
  sendSandbox(launcher, plan, script, null);
  const said = async (word: string): Promise<boolean> => (await control.until(newline)) === word;
  if (!(await launcher.ready) || !(await said(announcements.idle))) {
    giveUp();
    throw sandboxFailure(await diagnostics);
  }

  const open = async (program: LastingProgram, abandoned: AbortSignal): Promise<ConnectedPipes | undefined> => {
    const wanted = { stdin: program.stdin !== undefined, inputs: program.inputs.length > 0 };
    const pipes = await layOutPipes(exchange, fifos, { ...wanted, start: program.scripts.start !== null });
    socket(descriptors.control).write("go\n");
    const isOpen = await Promise.race([said(announcements.open), rejection(abandoned)]).catch(() => false);
    if (isOpen) return pipes.connect(plan.uid);
    pipes.discard();
    giveUp();
    return undefined;
  };
  const run: LastingSandbox["run"] = async (program, context) => {
    const opening = program.stdin === undefined ? undefined : context.open(program.stdin);
    const stdin = await Promise.race([opening, rejection(context.abandoned)]);
    group?.limit(limits);
    const pipes = await open(program, context.abandoned);
    if (pipes === undefined) return lostOutcome(endedWith);
    let isOver = false;
    const over = said(announcements.idle).then(async (isIdle) => {
      if (!isIdle) giveUp();
      if (!isIdle) await launcher.ended;
      isOver = true;
    });
    const connections = programConnections(launcher, pipes, program.scripts, { over, giveUp });
    try {
      return await followProgram(program, connections, context, stdin);
    } finally {
      // Nobody follows it any more.
      if (!isOver) giveUp();
    }
  };
  return { whyGone: () => gone, run };
}
