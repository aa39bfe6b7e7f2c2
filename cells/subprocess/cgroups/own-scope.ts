/**
 * Moves this process to its own group, by a request to systemd. Limited groups cannot be created in a group that
 * contains other programs, as in a login session, or that belongs to another user.
 *
 * The process itself moves, not only the sandboxes: a child may join groups below its parent's own, but only root can
 * move a process from a login session into the user manager's tree. After this one request, everything else (limits,
 * counters, killing, sweeping) works as in a group that is writable from the start.
 *
 * @module
 */
import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { findSystemTool } from "#platform/host/find-program";
import { outputOf } from "#platform/host/run-program";

/** How long systemd may take to answer, and then to move this process, in milliseconds. */
const patience = 3000;

/**
 * The call that creates a scope for a process. `systemd-run --scope` makes the same call, but only for a command that
 * it starts itself. `Delegate` leaves the groups below it to this process, and keeps systemd from stopping the unit
 * when the kernel OOM-kills a cell.
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

/** Reads a file of /proc; empty if it is missing. */
const readProcess = (name: string): Promise<string> => readFile(`/proc/${name}`, "utf8").catch(() => "");

/** The environment to reach systemd: the system manager for root, the user manager for others. */
function managerEnvironment(uid: number): NodeJS.ProcessEnv {
  if (uid === 0) return {};
  const { XDG_RUNTIME_DIR = `/run/user/${uid}`, DBUS_SESSION_BUS_ADDRESS } = process.env;
  return { XDG_RUNTIME_DIR, ...(DBUS_SESSION_BUS_ADDRESS === undefined ? {} : { DBUS_SESSION_BUS_ADDRESS }) };
}

async function move(): Promise<boolean> {
  // In a container with another init, an outside systemd would apply our process ids to its own pid namespace.
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
  // The response only names a job; the move happens when the job runs.
  const deadline = Date.now() + patience;
  while (!(await readProcess("self/cgroup")).includes(`/${scope}`)) {
    if (Date.now() > deadline) return false;
    await sleep(5);
  }
  return true;
}

let moved: Promise<boolean> | undefined;

/** Moves this process to its own scope, once; false if systemd does not answer or refuses. */
export function moveToOwnScope(): Promise<boolean> {
  moved ??= move();
  return moved;
}
