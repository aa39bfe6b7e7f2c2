/**
 * The user of a Kubernetes cell: its id, and the files that give it a name.
 *
 * @module
 */

/** A range of user ids, of which each cell that exists has one for itself. */
export interface UserIds {
  /** The first id. */
  readonly first: number;
  /** How many there are, from the first one upwards. */
  readonly count: number;
}

/** The largest user id that Kubernetes takes. */
export const largestUserId = 2 ** 31 - 1;

/**
 * The range where the configuration names none: above what systemd gives to containers (up to 0x6fffffff) and what the sandbox
 * takes for its runs (0x70000000 and 2^27 more), below what systemd keeps for foreign images (from 0x7ffe0000), see
 * https://systemd.io/UIDS-GIDS/.
 */
export const defaultUserIds: UserIds = { first: 0x78000000, count: 2 ** 26 };

/** The label of a cell's Job and pod that holds its user id. */
export const userIdLabel = "kgents.io/user-id";

/** The annotations of a cell's pod that hold its /etc/passwd and /etc/group. */
export const accountAnnotations = { passwd: "kgents.io/passwd", group: "kgents.io/group" } as const;

// The ids that Debian and Alpine give alike, or that one of them gives and the other leaves free: files of an image belong to them.
const systemUsers: readonly (readonly [string, number])[] = [
  ["root", 0],
  ["daemon", 1],
  ["bin", 2],
  ["sys", 3],
  ["sync", 4],
  ["games", 5],
  ["man", 6],
  ["lp", 7],
  ["mail", 8],
  ["news", 9],
  ["uucp", 10],
  ["proxy", 13],
  ["www-data", 33],
  ["backup", 34],
  ["nobody", 65_534],
];

const systemGroups: readonly (readonly [string, number])[] = [
  ["root", 0],
  ["daemon", 1],
  ["bin", 2],
  ["sys", 3],
  ["adm", 4],
  ["tty", 5],
  ["disk", 6],
  ["lp", 7],
  ["mail", 8],
  ["news", 9],
  ["uucp", 10],
  ["man", 12],
  ["proxy", 13],
  ["www-data", 33],
  ["backup", 34],
  ["shadow", 42],
  ["staff", 50],
  ["games", 60],
  ["users", 100],
  ["nogroup", 65_534],
];

/** The name of the code's user and group, on both backends. */
const userName = "kgents";

/**
 * The account files of a cell. They stand in the place of the image's own: nothing in a `restricted` pod can add a line to a
 * file of the image.
 */
export function accountFiles(userId: number, home: string): Readonly<Record<keyof typeof accountAnnotations, string>> {
  const users = systemUsers.map(([name, id]) => `${name}:x:${id}:${id}:${name}:/nonexistent:/usr/sbin/nologin`);
  const groups = systemGroups.map(([name, id]) => `${name}:x:${id}:`);
  return {
    passwd: [...users, `${userName}:x:${userId}:${userId}:${userName}:${home}:/bin/sh`, ""].join("\n"),
    group: [...groups, `${userName}:x:${userId}:`, ""].join("\n"),
  };
}
