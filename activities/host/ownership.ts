/**
 * Whether a file or directory can be changed by another user of this machine, as ssh asks of its own files.
 *
 * @module
 */
import { readFileSync, type Stats } from "node:fs";
import { lstat, realpath, stat } from "node:fs/promises";
import { userInfo } from "node:os";
import { dirname } from "node:path";

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

/**
 * Why a file or directory is not trusted: it, or a directory on the way to it, belongs to another user or can be written by others.
 *
 * @returns a sentence without its end; undefined where it is trusted, where it does not exist, and on systems without user ids
 */
export async function distrust(path: string): Promise<string | undefined> {
  const [uid, gid] = [process.geteuid?.(), process.getegid?.()];
  if (uid === undefined || gid === undefined) return undefined;
  known ??= ownTrust(uid, gid);
  const trust = known;
  const real = await realpath(path).catch(() => undefined);
  if (real === undefined) return undefined;
  const looks: readonly (readonly [path: string, isAncestor: boolean])[] = [
    [real, false],
    ...[...new Set([...ancestors(path), ...ancestors(real)])].map((above) => [above, true] as const),
  ];
  const reasons = await Promise.all(
    looks.map(async ([place, isAncestor]) => {
      const reason = changeableByOthers(await stat(place), trust, isAncestor);
      return reason && `${place} ${reason}`;
    }),
  );
  const link = await lstat(path);
  const linkReason =
    link.isSymbolicLink() && !trust.users.has(link.uid) ? `${path} belongs to the user ${link.uid}` : undefined;
  return reasons.find((reason) => reason !== undefined) ?? linkReason;
}
