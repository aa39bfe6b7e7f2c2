/**
 * The process that becomes a sandbox: a shell that has joined its control group, holds every descriptor, and waits for
 * the run.
 *
 * It is prepared in advance, because the kernel synchronizes all processors when a process joins control groups: 6 to
 * 20 ms were measured for version 1, which would delay the run.
 *
 * @module
 */
import { closeSync, fchownSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { Socket } from "node:net";
import { join } from "node:path";
import type { Readable, Writable } from "node:stream";
import type { ChildProcess } from "#platform/host/run-program";
import { within } from "#platform/host/time-limit";
import { type ControlReader, controlReader } from "../../files/control-reader.ts";
import type { ControlGroup } from "../cgroups/control-group.ts";
import { removeGroups } from "../cgroups/remove-groups.ts";
import { descriptors } from "../sandbox/sandbox-paths.ts";
import type { Fifo, FifoSource } from "./fifo.ts";
import { closeFifo, type LauncherPlan, spawnLauncher } from "./spawn-launcher.ts";

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

/** The reading ends of the code's output. */
interface OutputEnds {
  readonly open: Launcher["openOutput"];
  /** Closes them, unless they were opened. */
  readonly close: () => void;
}

function outputEnds(stdout: Fifo, stderr: Fifo): OutputEnds {
  let opened = false;
  return {
    open: (uid) => {
      opened = true;
      const open = ({ read }: Fifo): Socket => {
        // As the owner, the code may open /dev/stdout and /dev/stderr by name.
        if (uid !== null) fchownSync(read, uid, uid);
        return new Socket({ fd: read, readable: true, writable: false });
      };
      return { stdout: open(stdout), stderr: open(stderr) };
    },
    close: () => {
      if (!opened) for (const { read } of [stdout, stderr]) closeSync(read);
      opened = true;
    },
  };
}

/** The sockets of a launcher, and whether they keep this process alive. */
function launcherSockets(child: ChildProcess): Pick<Launcher, "socket" | "reference" | "unreference"> {
  for (const found of child.stdio) {
    // A failing sandbox closes its end. The reason arrives on another descriptor.
    found?.on("error", () => {});
  }
  const sockets = child.stdio.filter((stream) => stream instanceof Socket);
  return {
    socket: (descriptor) => {
      const found: Readable | Writable | null | undefined = child.stdio[descriptor];
      if (found instanceof Socket) return found;
      throw new Error(`the launcher has no socket ${descriptor}`);
    },
    reference: () => [child, ...sockets].forEach((part) => void part.ref()),
    unreference: () => [child, ...sockets].forEach((part) => void part.unref()),
  };
}

/** Returns a function that kills a launcher and all its processes. */
function killerOf(child: ChildProcess, group: ControlGroup | undefined, isBare: boolean): () => void {
  const killGroup = (): void => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
    } catch {
      // It has already ended.
    }
  };
  // Without a sandbox the program may leave processes in its group. Kill them at once, before the id is reused.
  if (isBare) child.once("exit", killGroup);
  return () => {
    if (child.exitCode === null && child.signalCode === null) killGroup();
    group?.kill();
  };
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
  const isBare = plan.bubblewrap === null;
  const child = spawnLauncher(plan, groups, stdout, stderr);
  for (const descriptor of [stdout.write, stderr.write]) closeSync(descriptor);
  const ended = new Promise<void>((resolve) => {
    child.once("exit", () => resolve());
    child.once("error", () => resolve());
  });
  const output = outputEnds(stdout, stderr);
  const { socket, reference, unreference } = launcherSockets(child);
  const control = controlReader(socket(descriptors.control));
  const ready = control.until(newline).then((word) => word === "ready");
  const kill = killerOf(child, group, isBare);
  const remove = async (): Promise<void> => {
    reference();
    kill();
    // Rejects if it does not end in time; the caller retries, so that nothing counts as removed while it still runs.
    await within(ended, endPatience);
    output.close();
    await removeLauncherRecord(directory, groups);
  };
  return {
    name,
    directory,
    fifos: plan.fifos,
    child,
    isBare,
    group,
    openOutput: output.open,
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
