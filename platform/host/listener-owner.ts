/**
 * Finds the owner of a server on this machine. All users share loopback. Another user who binds a port first would
 * receive what is sent there, here code and its environment.
 *
 * @module
 */
import { readFile } from "node:fs/promises";
import { KgentsError } from "#core/contract/error";

/** The state of a listening socket in the kernel's tables. */
const listening = "0A";
/**
 * 127.0.0.1 and the wildcard addresses of IPv4 and IPv6, as the kernel writes them. A connection to 127.0.0.1 may
 * arrive at any of them.
 */
const places = [
  ...["0100007F", "00000000", "00000000000000000000000000000000"],
  ...["0000000000000000FFFF00000100007F", "0000000000000000FFFF000000000000"],
];

/** The user ids that listen at a port of 127.0.0.1, from a kernel table (`/proc/net/tcp` or `/proc/net/tcp6`). */
export function listenersIn(table: string, port: number): number[] {
  const inHex = port.toString(16).toUpperCase().padStart(4, "0");
  return table.split("\n").flatMap((line) => {
    const [, local = "", , state, , , , user] = line.trim().split(/\s+/);
    const [place = "", at] = local.split(":");
    return state === listening && at === inHex && places.includes(place) ? [Number(user)] : [];
  });
}

/**
 * The user other than this one and root who listens at a port of 127.0.0.1. Undefined if there is none, and on systems
 * other than Linux.
 */
async function foreignListener(port: number): Promise<number | undefined> {
  const own = process.getuid?.();
  if (process.platform !== "linux" || own === undefined) return undefined;
  const tables = await Promise.all(
    ["tcp", "tcp6"].map((name) => readFile(`/proc/net/${name}`, "latin1").catch(() => "")),
  );
  // Root has full access here anyway, and listens on behalf of containers.
  return tables.flatMap((table) => listenersIn(table, port)).find((user) => user !== own && user !== 0);
}

/**
 * Rejects a server at a default address of this machine if another user runs it.
 *
 * @param address `127.0.0.1:port`
 * @throws KgentsError `stack-start`
 */
export async function refuseForeignListener(address: string): Promise<void> {
  const user = await foreignListener(Number(address.slice(address.lastIndexOf(":") + 1)));
  if (user === undefined) return;
  throw new KgentsError(
    "stack-start",
    `the server at ${address} belongs to another user of this machine (uid ${user})`,
    {
      remedy: `Choose another port with KGENTS_PORT. If you trust that user with your code, set TEMPORAL_ADDRESS=${address}.`,
    },
  );
}
