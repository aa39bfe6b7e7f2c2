/**
 * A group of this process's own, asked of systemd: where other programs stand in the group that the process was started in,
 * as in a login, or it belongs to another user, no limited group can be made.
 *
 * The process moves, and not only the sandboxes: a child may join groups below its parent's own, but from a login into the
 * user manager's tree only root can move a process. So one request at the start is enough, and all else (limits, counters,
 * killing, sweeping) is what it is where the group is writable from the beginning.
 *
 * @module
 */
import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { findSystemTool } from "#platform/host/find-program";
import { outputOf } from "#platform/host/run-program";

/** How long the manager may take to answer, and then to move this process, in milliseconds. */
const patience = 3000;

/**
 * The call that makes a scope of a process. `systemd-run --scope` makes the same one, but only around a command that it
 * starts itself. Delegated: systemd leaves everything below it to us, and does not end the unit when the kernel kills a
 * cell for memory.
 */
const scopeCall = (scope: string, pid: number): string[] => [
  ...["org.freedesktop.systemd1", "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager"],
  ...["StartTransientUnit", "ssa(sv)a(sa(sv))", scope, "fail", "3"],
  ...["Description", "s", "kgents worker"],
  ...["PIDs", "au", "1", String(pid)],
  ...["Delegate", "b", "true"],
  // No auxiliary units.
  "0",
];

/** Reads a file of /proc; empty where there is none. */
const readProcess = (name: string): Promise<string> => readFile(`/proc/${name}`, "utf8").catch(() => "");

/** How the manager is reached: root asks the system's, everybody else his own. */
function managerEnvironment(uid: number): NodeJS.ProcessEnv {
  if (uid === 0) return {};
  const { XDG_RUNTIME_DIR = `/run/user/${uid}`, DBUS_SESSION_BUS_ADDRESS } = process.env;
  return { XDG_RUNTIME_DIR, ...(DBUS_SESSION_BUS_ADDRESS === undefined ? {} : { DBUS_SESSION_BUS_ADDRESS }) };
}

async function move(): Promise<boolean> {
  // In a container with another init a manager outside would take our process ids for its own.
  if ((await readProcess("1/comm")).trim() !== "systemd") return false;
  const busctl = await findSystemTool("busctl");
  if (busctl === undefined) return false;
  const uid = process.geteuid?.() ?? 0;
  const scope = `kgents-worker-${process.pid}-${randomBytes(4).toString("hex")}.scope`;
  try {
    await outputOf(
      busctl,
      [uid === 0 ? "--system" : "--user", "--timeout=3", "call", ...scopeCall(scope, process.pid)],
      {
        timeoutMilliseconds: patience,
        environment: managerEnvironment(uid),
      },
    );
  } catch {
    return false;
  }
  // The answer is a job; the move comes with it.
  const deadline = Date.now() + patience;
  while (!(await readProcess("self/cgroup")).includes(`/${scope}`)) {
    if (Date.now() > deadline) return false;
    await sleep(5);
  }
  return true;
}

let moved: Promise<boolean> | undefined;

/** Moves this process to a scope of its own, once; false where no systemd answers, or it refuses. */
export function moveToOwnScope(): Promise<boolean> {
  moved ??= move();
  return moved;
}
