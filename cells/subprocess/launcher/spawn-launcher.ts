import { closeSync, openSync } from "node:fs";
import { type ChildProcess, startProgram } from "#platform/host/run-program";
import type { GroupMaker } from "../cgroups/control-group.ts";
import { descriptorCounts } from "../sandbox/sandbox-paths.ts";
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

/** Determined once: a process inherits descriptors only at its start. */
let leaking: readonly number[] | undefined;

/** Closes both ends. */
export const closeFifo = ({ read, write }: Fifo): void => {
  for (const descriptor of [read, write]) closeSync(descriptor);
};

/** Starts the process. On failure it leaves no descriptor open. */
export function spawnLauncher(plan: LauncherPlan, groups: readonly string[], stdout: Fifo, stderr: Fifo): ChildProcess {
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
