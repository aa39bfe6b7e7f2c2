/**
 * The process that becomes a sandbox: a shell that has joined its control group, holds every descriptor, and waits for
 * the run.
 *
 * It is prepared in advance, because the kernel synchronizes all processors when a process joins control groups: 6 to
 * 20 ms were measured for version 1, which would delay the run.
 *
 * @module
 */
import { closeSync, fchownSync, mkdirSync, openSync, rmSync, writeFileSync } from "node:fs";
import { Socket } from "node:net";
import { join } from "node:path";
import type { Readable, Writable } from "node:stream";

import { type ChildProcess, startProgram } from "#platform/host/run-program";

import { within } from "#platform/host/time-limit";

import { type ControlReader, controlReader } from "../../files/control-reader.ts";
import type { ControlGroup, GroupMaker } from "../cgroups/control-group.ts";
import { removeGroups } from "../cgroups/remove-groups.ts";
import { descriptorCounts, descriptors } from "../sandbox/sandbox-paths.ts";
import type { Fifo, FifoSource } from "./fifo.ts";
import { launcherCommand } from "./launcher-script.ts";
import { leakingDescriptors } from "./leaking-descriptors.ts";

/** How to create launchers on this machine. */
export interface LauncherPlan {
  /** The directory of the launchers' records. */
  readonly directory: string;
  readonly groups: GroupMaker | undefined;
  readonly fifos: FifoSource;
  /** Null if the worker runs code without a sandbox. */
  readonly bubblewrap: string | null;
  /** The path of the supervisor's shell in the sandbox. @default /bin/sh */
  readonly shell?: string;
  readonly seccomp: Buffer;
  /** A command prefix that starts the launcher in its own namespaces. */
  readonly prefix?: readonly string[];
}

/** A waiting launcher, or the sandbox that it has become. */
export interface Launcher {
  /** Its name in the records. */
  readonly name: string;
  /** Its directory in the records. Removed with it. */
  readonly directory: string;
  readonly fifos: FifoSource;
  readonly child: ChildProcess;
  /** Whether it runs code without a sandbox. */
  readonly isBare: boolean;
  readonly group: ControlGroup | undefined;
  /** Opens the code's output, once, and makes this uid its owner. */
  readonly openOutput: (uid: number | null) => { readonly stdout: Socket; readonly stderr: Socket };
  /** One of its sockets. */
  readonly socket: (descriptor: number) => Socket;
  /** Keeps this process alive while the launcher lives. A waiting launcher is unreferenced. */
  readonly reference: () => void;
  readonly unreference: () => void;
  /** Reads the control descriptor, after the launcher's first line. */
  readonly control: ControlReader;
  /** Whether it reached the waiting state; false if it failed before. */
  readonly ready: Promise<boolean>;
  /** Resolves when the process has ended. */
  readonly ended: Promise<void>;
  /** Kills it and all its processes. */
  readonly kill: () => void;
  /** Kills it and removes its control group and its record. */
  readonly remove: () => Promise<void>;
}

const newline = 0x0a;

/** How long the kernel may take to end a killed launcher, in milliseconds. */
const endPatience = 5000;

/** The file in a launcher's directory that lists its control groups. */
export const groupsRecord = "groups.json";

/** Removes a launcher's control groups and its record on disk. */
export async function removeLauncherRecord(directory: string, groups: readonly string[]): Promise<void> {
  await removeGroups(groups);
  rmSync(directory, { recursive: true, force: true });
}

/** Determined once: a process inherits descriptors only at its start. */
let leaking: readonly number[] | undefined;

const closeFifo = ({ read, write }: Fifo): void => {
  for (const descriptor of [read, write]) closeSync(descriptor);
};

/** Starts the process. On failure it leaves no descriptor open. */
function spawnLauncher(plan: LauncherPlan, groups: readonly string[], stdout: Fifo, stderr: Fifo): ChildProcess {
  let cover: number | undefined;
  try {
    const own: ("pipe" | number)[] = ["pipe", stdout.write, "pipe", "pipe", stderr.write];
    const descriptorCount = plan.bubblewrap === null ? descriptorCounts.bare : descriptorCounts.sandboxed;
    while (own.length < descriptorCount) own.push("pipe");
    // Replace other inheritable descriptors with /dev/null, because Node cannot close them in the child.
    leaking ??= leakingDescriptors();
    const covering = new Set(leaking.filter((descriptor) => descriptor >= descriptorCount));
    const nothing = openSync("/dev/null", "r");
    cover = nothing;
    const covered = Array.from({ length: Math.max(descriptorCount, ...covering) + 1 - descriptorCount }, (_, index) =>
      covering.has(index + descriptorCount) ? nothing : "ignore",
    );
    const words = launcherCommand(plan.bubblewrap, plan.shell ?? "/bin/sh", groups);
    const [program = "", ...args] = [...(plan.prefix ?? []), ...words];
    return startProgram(program, args, {
      // No variable of the worker or of the request may reach a process outside of the sandbox.
      environment: {},
      // A separate process group: Ctrl-C in the worker's terminal does not reach it, and one signal reaches the whole
      // group.
      detached: true,
      stdio: [...own, ...covered],
    });
  } catch (error) {
    for (const fifo of [stdout, stderr]) closeFifo(fifo);
    throw error;
  } finally {
    if (cover !== undefined) closeSync(cover);
  }
}

async function startLauncher(
  plan: LauncherPlan,
  name: string,
  directory: string,
  group: ControlGroup | undefined,
): Promise<Launcher> {
  const stdout = await plan.fifos.take();
  const stderr = await plan.fifos.take().catch((error) => {
    closeFifo(stdout);
    throw error;
  });
  const groups = group?.directories ?? [];
  const child = spawnLauncher(plan, groups, stdout, stderr);
  for (const descriptor of [stdout.write, stderr.write]) closeSync(descriptor);
  const ended = new Promise<void>((resolve) => {
    child.once("exit", () => resolve());
    child.once("error", () => resolve());
  });
  const socket = (descriptor: number): Socket => {
    const found: Readable | Writable | null | undefined = child.stdio[descriptor];
    if (found instanceof Socket) return found;
    throw new Error(`the launcher has no socket ${descriptor}`);
  };
  for (const found of child.stdio) {
    // A failing sandbox closes its end. The reason arrives on another descriptor.
    found?.on("error", () => {});
  }
  let opened = false;
  const openOutput: Launcher["openOutput"] = (uid) => {
    opened = true;
    const open = ({ read }: Fifo): Socket => {
      // As the owner, the code may open /dev/stdout and /dev/stderr by name.
      if (uid !== null) fchownSync(read, uid, uid);
      return new Socket({ fd: read, readable: true, writable: false });
    };
    return { stdout: open(stdout), stderr: open(stderr) };
  };
  const control = controlReader(socket(descriptors.control));
  const ready = control.until(newline).then((word) => word === "ready");
  const sockets = child.stdio.filter((stream) => stream instanceof Socket);
  const reference = (): void => [child, ...sockets].forEach((part) => void part.ref());
  const unreference = (): void => [child, ...sockets].forEach((part) => void part.unref());
  const killGroup = (): void => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
    } catch {
      // It has already ended.
    }
  };
  // Without a sandbox the program may leave processes in its group. Kill them at once, before the id is reused.
  if (plan.bubblewrap === null) child.once("exit", killGroup);
  const kill = (): void => {
    if (child.exitCode === null && child.signalCode === null) killGroup();
    group?.kill();
  };
  const remove = async (): Promise<void> => {
    reference();
    kill();
    // Rejects if it does not end in time; the caller retries, so that nothing counts as removed while it still runs.
    await within(ended, endPatience);
    if (!opened) for (const { read } of [stdout, stderr]) closeSync(read);
    opened = true;
    await removeLauncherRecord(directory, groups);
  };
  return {
    name,
    directory,
    fifos: plan.fifos,
    child,
    isBare: plan.bubblewrap === null,
    group,
    openOutput,
    socket,
    reference,
    unreference,
    control,
    ready,
    ended,
    kill,
    remove,
  };
}

/** Prepares a launcher. */
export async function prepareLauncher(plan: LauncherPlan, name: string): Promise<Launcher> {
  const directory = join(plan.directory, name);
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const group = await plan.groups?.create(name);
  const groups = group?.directories ?? [];
  try {
    writeFileSync(join(directory, groupsRecord), JSON.stringify(groups));
    const launcher = await startLauncher(plan, name, directory, group);
    launcher.socket(descriptors.seccomp).end(plan.seccomp);
    return launcher;
  } catch (error) {
    await removeLauncherRecord(directory, groups);
    throw error;
  }
}
