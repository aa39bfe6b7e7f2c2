/**
 * Whose a server on this machine is. Loopback is shared by all users: whoever is first at a port gets what others send there, and here that
 * would be code and its environment.
 *
 * @module
 */
import { readFile } from "node:fs/promises";
import { KgentsError } from "#core/contract/error";

/** The state of a socket that listens, in the kernel's tables. */
const listening = "0A";
/** 127.0.0.1 and all addresses, of IPv4 and of IPv6, as the kernel writes them: where a connection to 127.0.0.1 may arrive. */
const places = [
  ...["0100007F", "00000000", "00000000000000000000000000000000"],
  ...["0000000000000000FFFF00000100007F", "0000000000000000FFFF000000000000"],
];

/** The users who listen at a port of 127.0.0.1, by a table of the kernel (`/proc/net/tcp` and `/proc/net/tcp6`). */
export function listenersIn(table: string, port: number): number[] {
  const inHex = port.toString(16).toUpperCase().padStart(4, "0");
  return table.split("\n").flatMap((line) => {
    const [, local = "", , state, , , , user] = line.trim().split(/\s+/);
    const [place = "", at] = local.split(":");
    return state === listening && at === inHex && places.includes(place) ? [Number(user)] : [];
  });
}

/** The user who listens at a port of 127.0.0.1 and is neither this one nor root; undefined where there is none, or nobody can tell. */
async function foreignListener(port: number): Promise<number | undefined> {
  const own = process.getuid?.();
  if (process.platform !== "linux" || own === undefined) return undefined;
  const tables = await Promise.all(
    ["tcp", "tcp6"].map((name) => readFile(`/proc/net/${name}`, "latin1").catch(() => "")),
  );
  // Root can read and do everything here anyway, and listens for containers.
  return tables.flatMap((table) => listenersIn(table, port)).find((user) => user !== own && user !== 0);
}

/**
 * Refuses a server of this machine that nobody named and that another user runs.
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
