/**
 * Determines what this machine offers for sandboxes. Fails closed.
 *
 * @module
 */

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { KgentsError } from "#core/contract/error";
import { messageOf } from "#core/text/message-of";
import { findSystemTool } from "#platform/host/find-program";
import { outputOf } from "#platform/host/run-program";
import type { GroupMaker } from "../cgroups/control-group.ts";
import { findGroups } from "../cgroups/find-groups.ts";
import type { SandboxMode } from "../sandbox/bubblewrap-arguments.ts";
import { unreadableShell } from "../sandbox/unreadable-shell.ts";
import { filterArchitecture, seccompFilter } from "../seccomp/seccomp-filter.ts";
import { type HostView, prepareHostView } from "./host-view.ts";
import { prepareKernels } from "./prepare-kernels.ts";

/** What this machine offers for sandboxes. */
export interface Machine {
  readonly mode: SandboxMode;
  readonly bubblewrap: string;
  /** Such as `0.11.0`. */
  readonly version: string;
  readonly disablesUserNamespaces: boolean;
  /** The helper that drops root in the sandbox, in root mode. */
  readonly setpriv: string;
  readonly seccomp: Buffer;
  readonly view: HostView;
  /** The supervisor's shell if it runs with the code's uid: see {@link unreadableShell}. */
  readonly shell: string | null;
  /** A copy of the kernels that cells may see. */
  readonly kernels: string;
  readonly groups: GroupMaker | undefined;
  /** The text of `/proc/self/uid_map`. */
  readonly uidMap: string;
}

const unavailable = (reason: string, remedy?: string): KgentsError =>
  new KgentsError("sandbox-unavailable", reason, { remedy });

async function bubblewrapVersion(bubblewrap: string): Promise<string> {
  try {
    const printed = await outputOf(bubblewrap, ["--version"], { environment: {} });
    const version = /(\d+\.\d+(?:\.\d+)?)/.exec(printed)?.[1];
    if (version === undefined) throw new Error(`it calls itself ${JSON.stringify(printed.trim().slice(0, 80))}`);
    return version;
  } catch (cause) {
    const reason = messageOf(cause);
    throw new KgentsError("sandbox-unavailable", `bubblewrap does not work: ${reason}`, { cause });
  }
}

const atLeast = (version: string, major: number, minor: number): boolean => {
  const [first = 0, second = 0] = version.split(".").map(Number);
  return first > major || (first === major && second >= minor);
};

/**
 * Examines the machine.
 *
 * @throws KgentsError `sandbox-unavailable`, naming what is missing
 */
export async function examineMachine(options: {
  readonly findBubblewrap: () => Promise<string>;
  readonly stateDirectory: string;
}): Promise<Machine> {
  if (process.platform !== "linux") {
    throw unavailable(
      `the sandbox needs Linux, and this is ${process.platform}`,
      "Use a cluster, or a worker on Linux.",
    );
  }
  const processor = filterArchitecture();
  if (processor === undefined) {
    throw unavailable(
      `there is no system call filter for ${process.arch}`,
      "Use a cluster, or a worker on x64 or arm64.",
    );
  }
  const mode: SandboxMode = process.geteuid?.() === 0 ? "root" : "user";
  const setpriv = mode === "root" ? await findSystemTool("setpriv") : undefined;
  if (mode === "root" && setpriv === undefined) {
    throw unavailable(
      "setpriv is missing, without which the code would run as root",
      "Install util-linux (`apt install util-linux`), or run the worker as an ordinary user.",
    );
  }
  const bubblewrap = await options.findBubblewrap();
  const ownFiles = join(options.stateDirectory, ".etc");
  const [version, view, kernels, shell, groups, uidMap] = await Promise.all([
    bubblewrapVersion(bubblewrap),
    prepareHostView(ownFiles),
    prepareKernels(ownFiles),
    mode === "user" ? unreadableShell(ownFiles) : null,
    findGroups(),
    readFile("/proc/self/uid_map", "utf8"),
  ]);
  if (!atLeast(version, 0, 8)) {
    throw unavailable(`bubblewrap ${version} is too old; 0.8 is needed`, "Install bubblewrap 0.8 or later.");
  }
  return {
    mode,
    bubblewrap,
    version,
    view,
    kernels,
    shell,
    groups,
    uidMap,
    disablesUserNamespaces: mode === "user",
    setpriv: setpriv ?? "",
    seccomp: seccompFilter(processor),
  };
}
