/**
 * The user of a Kubernetes cell: its id, and the files that give it a name.
 *
 * @module
 */

/** A range of user ids. Each existing cell has a unique id from it. */
export interface UserIds {
  /** The first id. */
  readonly first: number;
  /** The number of ids, from the first one upwards. */
  readonly count: number;
}

/** The largest user id that Kubernetes accepts. */
export const largestUserId = 2 ** 31 - 1;

/**
 * The default range. It is above the ranges of systemd's containers (up to 0x6fffffff) and of the sandbox's runs (2^27
 * ids from 0x70000000), and below systemd's range for foreign images (from 0x7ffe0000). See
 * https://systemd.io/UIDS-GIDS/.
 */
export const defaultUserIds: UserIds = { first: 0x78000000, count: 2 ** 26 };

/** The label of a cell's Job and pod that holds its user id. */
export const userIdLabel = "kgents.io/user-id";

/** The annotations of a cell's pod that hold its /etc/passwd and /etc/group. */
export const accountAnnotations = { passwd: "kgents.io/passwd", group: "kgents.io/group" } as const;

// System ids that own files of an image: those that Debian and Alpine assign alike, or that only one of them assigns.
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
 * The account files of a cell. They replace the image's own files, because a `restricted` pod cannot append to a file
 * of the image.
 */
export function accountFiles(userId: number, home: string): Readonly<Record<keyof typeof accountAnnotations, string>> {
  const users = systemUsers.map(([name, id]) => `${name}:x:${id}:${id}:${name}:/nonexistent:/usr/sbin/nologin`);
  const groups = systemGroups.map(([name, id]) => `${name}:x:${id}:`);
  return {
    passwd: [...users, `${userName}:x:${userId}:${userId}:${userName}:${home}:/bin/sh`, ""].join("\n"),
    group: [...groups, `${userName}:x:${userId}:`, ""].join("\n"),
  };
}
