/**
 * Whether a file or directory can be changed by another user of this machine, as ssh asks of its own files.
 *
 * @module
 */
import { lstatSync, readFileSync, realpathSync, type Stats, statSync } from "node:fs";
import { userInfo } from "node:os";
import { dirname } from "node:path";
import { KgentsError } from "#core/contract/error";
import { errorCode } from "./error-code.ts";
import type { Paths } from "./paths.ts";

/** Whose files are trusted. */
export interface Trust {
  /** Root's and our own, and that which stands for all others in a user namespace that does not map root. */
  readonly users: ReadonlySet<number>;
  /** Groups without members who are not trusted. */
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

/** Whether a user namespace maps that id. The initial one maps all. */
function isMapped(uidMap: string, id: number): boolean {
  const ranges = uidMap.split("\n").flatMap((line) => {
    const [inside, , count] = line.trim().split(/\s+/).map(Number);
    return inside === undefined || count === undefined ? [] : [{ inside, count }];
  });
  return ranges.length === 0 || ranges.some(({ inside, count }) => id >= inside && id < inside + count);
}

/** Whether a group is the one that distributions make for a single user. */
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
    // An id without an account.
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
 * Why others can change this, in words that follow its path; undefined where they cannot. Pure.
 *
 * @param isAncestor whether it only leads to what is meant: there a sticky bit keeps others from replacing what is not theirs
 */
export function changeableByOthers(
  status: Pick<Stats, "uid" | "gid" | "mode">,
  trust: Trust,
  isAncestor: boolean,
): string | undefined {
  if (!trust.users.has(status.uid)) return `belongs to the user ${status.uid}`;
  if (isAncestor && (status.mode & 0o1000) !== 0) return undefined;
  if ((status.mode & 0o002) !== 0) return "can be written by every user";
  // Whom root lets write to root's own directory (on Debian the group staff below /usr/local), root trusts.
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

/** The nearest of a path and the directories above it that is there. */
const nearest = (path: string): string => [path, ...ancestors(path)].find(isThere) ?? "/";

/**
 * Why a file or directory is not trusted: it, or a directory on the way to it, belongs to another user or can be written by others. Of
 * one that is not there, the part of the way that is there decides: nobody else may make the rest.
 *
 * Synchronous: a dozen calls that take microseconds each, which every command waits for.
 *
 * @returns a sentence without its end; undefined where it is trusted, and on systems without user ids
 */
export function distrust(path: string): string | undefined {
  try {
    return changeable(path);
  } catch (error) {
    return `it cannot be looked at (${error instanceof Error ? error.message : error})`;
  }
}

/** The same. @throws what the system says where it cannot be looked at */
function changeable(path: string): string | undefined {
  const [uid, gid] = [process.geteuid?.(), process.getegid?.()];
  if (uid === undefined || gid === undefined) return undefined;
  known ??= ownTrust(uid, gid);
  const trust = known;
  const present = nearest(path);
  // Where a file or a device stands in the way nothing of others can lie, and whoever writes there hears of it.
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
 * Refuses to use kgents' own directories where others could have put something into them: what stands there is run, and says which
 * processes are ended.
 *
 * @throws KgentsError `invalid-configuration`; what the system says where they cannot be looked at
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
