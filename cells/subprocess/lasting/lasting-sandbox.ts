/**
 * A sandbox that stays after a program and waits for the next one.
 *
 * @module
 */
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { lostOutcome, type ProgramContext, type ProgramOutcome } from "../../provider.ts";
import type { Launcher } from "../launcher/launcher.ts";
import { beginningOf } from "../launcher/read-beginning.ts";
import type { CellLimits } from "../machine/limits.ts";
import { followProgram, rejection } from "../sandbox/follow-program.ts";
import { type SandboxPlan, sendSandbox } from "../sandbox/run-sandbox.ts";
import { sandboxFailure } from "../sandbox/sandbox-failure.ts";
import { descriptors } from "../sandbox/sandbox-paths.ts";
import { type ConnectedPipes, layOutPipes } from "./exchange.ts";
import { announcements, killMarkIn } from "./pipe-names.ts";
import { connectProgram, type LastingProgram } from "./program-connections.ts";
import type { SessionStopper } from "./session-stopper.ts";

/** A sandbox that stays. */
export interface LastingSandbox {
  /** Why it runs no program any more; undefined while it can. */
  readonly whyGone: () => string | undefined;
  /** Runs a program. No other one may run. */
  readonly run: (program: LastingProgram, context: ProgramContext) => Promise<ProgramOutcome>;
  /** Interrupts the program that runs, if it is one of a session. Returns false if none runs. */
  readonly interrupt: () => boolean;
}

const newline = 0x0a;

/** The pipes of how many programs other processes may hold open. Those of the oldest are then closed. */
const mostHeld = 32;

const endedWith = "the sandbox of the cell has ended, and what was in it is gone";

/** Where the pipes of its programs are, on the host. */
export function exchangeOf(launcher: Launcher): string {
  const directory = join(launcher.directory, "io");
  // No other user, and no program if the worker is root, may open what is in it.
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  return directory;
}

/** A sandbox that stays, as its worker sees it. */
interface Running {
  readonly launcher: Launcher;
  readonly plan: SandboxPlan;
  readonly exchange: string;
  /** Reads the next word of the supervisor, and compares it. */
  readonly said: (word: string) => Promise<boolean>;
  /** Kills the whole sandbox. */
  readonly giveUp: () => void;
}

/** Starts the supervisor. @throws KgentsError if it does not start */
async function startSupervisor({ launcher, plan, said, giveUp }: Running, script: string): Promise<void> {
  const { socket } = launcher;
  const diagnostics = beginningOf(socket(descriptors.diagnostics));
  socket(descriptors.stdin).end();
  sendSandbox(launcher, plan, script, null);
  if ((await launcher.ready) && (await said(announcements.idle))) return;
  giveUp();
  throw sandboxFailure(await diagnostics);
}

/** Opens the pipes of a program; undefined if the sandbox is gone. */
async function openPipes(
  { launcher, plan, exchange, said, giveUp }: Running,
  program: LastingProgram,
  abandoned: AbortSignal,
): Promise<ConnectedPipes | undefined> {
  const wanted = { stdin: program.stdin !== undefined, inputs: program.inputs.length > 0 };
  const pipes = await layOutPipes(exchange, launcher.fifos, { ...wanted, start: program.scripts.start !== null });
  launcher.socket(descriptors.control).write("go\n");
  const isOpen = await Promise.race([said(announcements.open), rejection(abandoned)]).catch(() => false);
  if (isOpen) {
    // The supervisor has ended everything before it opened them.
    rmSync(killMarkIn(exchange), { force: true });
    return pipes.connect(plan.uid);
  }
  pipes.discard();
  giveUp();
  return undefined;
}

/** Keeps the pipes that other processes of a session may hold open, and closes the oldest. */
function heldPipes(): (pipes: ConnectedPipes) => void {
  const held: ConnectedPipes[] = [];
  return (pipes) => {
    held.push(pipes);
    if (held.length > mostHeld) held.shift()?.destroy();
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
  const { control, group } = launcher;
  let gone: string | undefined;
  let current: SessionStopper | undefined;
  const hold = heldPipes();
  const giveUp = (): void => {
    gone ??= endedWith;
    launcher.kill();
  };
  void launcher.ended.then(() => {
    gone ??= endedWith;
    plan.releaseUid();
  });
  group?.limit(limits);
  const said = async (word: string): Promise<boolean> => (await control.until(newline)) === word;
  const running: Running = { launcher, plan, exchange: exchangeOf(launcher), said, giveUp };
  await startSupervisor(running, script);

  const run: LastingSandbox["run"] = async (program, context) => {
    const opening = program.stdin === undefined ? undefined : context.open(program.stdin);
    const stdin = await Promise.race([opening, rejection(context.abandoned)]);
    group?.limit(limits);
    const pipes = await openPipes(running, program, context.abandoned);
    if (pipes === undefined) return lostOutcome(endedWith);
    let isOver = false;
    const over = said(announcements.idle).then(async (isIdle) => {
      if (!isIdle) giveUp();
      if (!isIdle) await launcher.ended;
      isOver = true;
    });
    const { connections, stopper } = connectProgram(launcher, program, { ...running, pipes, over });
    current = stopper;
    try {
      return await followProgram(program, connections, context, stdin);
    } finally {
      current = undefined;
      // Nobody follows it any more.
      if (!isOver) giveUp();
      hold(pipes);
    }
  };
  return { whyGone: () => gone, run, interrupt: () => current?.interrupt() ?? false };
}
