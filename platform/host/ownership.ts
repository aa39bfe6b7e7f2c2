/**
 * Whether another user of this machine can change a file or directory, with checks like those of ssh for its own files.
 *
 * @module
 */

import { lstatSync, readFileSync, realpathSync, type Stats, statSync } from "node:fs";
import { userInfo } from "node:os";
import { dirname } from "node:path";
import { KgentsError } from "#core/contract/error";
import { messageOf } from "#core/text/message-of";
import { errorCode } from "./error-code.ts";
import type { Paths } from "./paths.ts";

/** The users and groups whose files are trusted. */
export interface Trust {
  /** Root and this user. Also the overflow user, in a user namespace that does not map that id. */
  readonly users: ReadonlySet<number>;
  /** Root's group, and this user's private group. */
  readonly groups: ReadonlySet<number>;
}

/** The owner that Linux shows for every user whom a user namespace does not map. */
const overflowUser = 65534;

const read = (path: string): string => {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
};

/** Whether a user namespace maps an id. The initial one maps all. */
function isMapped(uidMap: string, id: number): boolean {
  const ranges = uidMap.split("\n").flatMap((line) => {
    const [inside, , count] = line.trim().split(/\s+/).map(Number);
    return inside === undefined || count === undefined ? [] : [{ inside, count }];
  });
  return ranges.length === 0 || ranges.some(({ inside, count }) => id >= inside && id < inside + count);
}

/** Whether a group is the private one that distributions create for a single user. */
function isUserPrivate(groups: string, gid: number, uid: number): boolean {
  if (gid === uid) return true;
  try {
    const { username } = userInfo();
    return groups
      .split("\n")
      .map((line) => line.split(":"))
      .some(
        ([name, , id, members = ""]) =>
          Number(id) === gid && name === username && members.split(",").every((member) => !member || member === name),
      );
  } catch {
    // The id has no account.
    return false;
  }
}

function ownTrust(uid: number, gid: number): Trust {
  const unmapped = isMapped(read("/proc/self/uid_map"), overflowUser) ? [] : [overflowUser];
  const privateGroups = isUserPrivate(read("/etc/group"), gid, uid) ? [gid] : [];
  return { users: new Set([0, uid, ...unmapped]), groups: new Set([0, ...privateGroups]) };
}

let known: Trust | undefined;

/**
 * Why other users can change a file or directory, as a phrase that follows its path; undefined if they cannot. Pure.
 *
 * @param isAncestor whether it is a directory above the checked path. There a sticky bit keeps others from replacing
 * files they do not own
 */
export function changeableByOthers(
  status: Pick<Stats, "uid" | "gid" | "mode">,
  trust: Trust,
  isAncestor: boolean,
): string | undefined {
  if (!trust.users.has(status.uid)) return `belongs to the user ${status.uid}`;
  if (isAncestor && (status.mode & 0o1000) !== 0) return undefined;
  if ((status.mode & 0o002) !== 0) return "can be written by every user";
  // Group write on root's own directories is trusted: root chose it (on Debian the group staff may write below
  // /usr/local).
  const groupWrites = (status.mode & 0o020) !== 0 && status.uid !== 0;
  return groupWrites && !trust.groups.has(status.gid) ? `can be written by the group ${status.gid}` : undefined;
}

/** The directories above a path, nearest first. */
function ancestors(path: string): string[] {
  const above = dirname(path);
  return above === path ? [] : [above, ...ancestors(above)];
}

function isThere(path: string): boolean {
  try {
    return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch (error) {
    // ENOTDIR: a parent is a file or a device, so nothing can exist below it.
    if (errorCode(error) === "ENOTDIR") return false;
    throw error;
  }
}

/** The path itself, or the nearest directory above it that exists. */
const nearest = (path: string): string => [path, ...ancestors(path)].find(isThere) ?? "/";

/**
 * Why a file or directory is not trusted: another user owns or can change it or a directory above it. For a path that
 * does not exist, the nearest existing directory decides, because only its writers can create the rest.
 *
 * Synchronous: a dozen calls of microseconds each, and every command has to wait for them.
 *
 * @returns a clause without its full stop; undefined if the path is trusted, and on systems without user ids
 */
export function distrust(path: string): string | undefined {
  try {
    return changeable(path);
  } catch (error) {
    return `it cannot be looked at (${messageOf(error)})`;
  }
}

/** As {@link distrust}. @throws the system's error if the path cannot be examined */
function changeable(path: string): string | undefined {
  const [uid, gid] = [process.geteuid?.(), process.getegid?.()];
  if (uid === undefined || gid === undefined) return undefined;
  known ??= ownTrust(uid, gid);
  const trust = known;
  const present = nearest(path);
  // A file or device in the middle of the path leaves no room for other users' files, and a write to the path fails.
  if (present !== path && !statSync(present).isDirectory()) return undefined;
  const link = lstatSync(present);
  if (link.isSymbolicLink() && !trust.users.has(link.uid)) return `${present} belongs to the user ${link.uid}`;
  const real = realpathSync(present);
  const above = new Set([...ancestors(present), ...ancestors(real)]);
  const isMeant = present === path;
  for (const [place, isAncestor] of [[real, !isMeant] as const, ...[...above].map((one) => [one, true] as const)]) {
    const reason = changeableByOthers(statSync(place), trust, isAncestor);
    if (reason !== undefined) return `${place} ${reason}`;
  }
  return undefined;
}

const variables = { state: "XDG_STATE_HOME", cache: "XDG_CACHE_HOME" } as const;

/**
 * Rejects kgents' own directories if other users could have written to them. They hold programs that kgents runs and
 * the ids of processes that it ends.
 *
 * @throws KgentsError `invalid-configuration`; the system's error if they cannot be examined
 */
export function refuseForeignDirectories(paths: Pick<Paths, "state" | "cache">): void {
  for (const name of ["state", "cache"] as const) {
    const reason = changeable(paths[name]);
    if (reason === undefined) continue;
    throw new KgentsError("invalid-configuration", `the ${name} directory ${paths[name]} is not used: ${reason}`, {
      remedy: `Give it, and the directories above it, to yourself alone (chown, chmod go-w), or choose another one with ${variables[name]}.`,
    });
  }
}
