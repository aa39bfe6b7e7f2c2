/**
 * With --network, only public addresses are reachable. Tested in two network namespaces, one for the world and one for
 * the worker. Root only.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { processesWith } from "./helpers/leftovers.ts";
import { ensureSystemTools, isRoot } from "./helpers/tools.ts";
import { startWorker, type TestWorker, type Who } from "./helpers/worker.ts";

const world = `kgw${process.pid}`;
const host = `kgh${process.pid}`;
const ip = (...args: string[]): Buffer => execFileSync("ip", args, { stdio: ["ignore", "pipe", "pipe"] });
/** In a public range, but in these namespaces only the world has it. */
const publicAddress = "11.203.0.10";
/** An address of a network that the host is in, also in a public range. */
const neighbour = "11.198.51.1";
const hostAddress = "11.198.51.2";
const worldAddresses = [
  publicAddress,
  "203.0.113.10",
  "192.88.99.1",
  "168.63.129.16",
  "10.99.0.1",
  "172.20.0.1",
  "192.168.7.1",
  "100.64.0.1",
  "169.254.169.254",
  "198.18.0.1",
];
const port = 8080;

/** Responds on TCP with a word, and prints UDP packets. */
const server = `
import socket, sys, threading
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
u.bind(("0.0.0.0", ${port}))
def answer():
    while True:
        data, peer = u.recvfrom(99)
        u.sendto(b"reached", peer)
threading.Thread(target=answer, daemon=True).start()
s = socket.create_server(("0.0.0.0", ${port}))
print("up", flush=True)
while True:
    c, _ = s.accept()
    c.send(b"reached")
    c.close()
`;

const client = (kind: "tcp" | "udp", address: string): string => `
import socket
try:
    if "${kind}" == "tcp": s = socket.create_connection(("${address}", ${port}), 3)
    else:
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.settimeout(1)
        s.sendto(b"x", ("${address}", ${port}))
    print(s.recv(99).decode())
except OSError as e: print("no:", e)
`;

/** On most machines every user may open /dev/net/tun. If only root may, the worker gets its own device. */
const openTun =
  'mount -t tmpfs none /mnt && mknod -m 666 /mnt/tun c 10 200 && mount --bind /mnt/tun /dev/net/tun && exec "$@"';

describe.runIf(isRoot)("network on", () => {
  const servers: ChildProcess[] = [];
  beforeAll(async () => {
    await ensureSystemTools("slirp4netns", "nft", "ip");
    ip("netns", "add", world);
    ip("netns", "add", host);
    ip("link", "add", "w0", "netns", world, "type", "veth", "peer", "name", "h0", "netns", host);
    ip("-n", world, "addr", "add", `${neighbour}/24`, "dev", "w0");
    ip("-n", host, "addr", "add", `${hostAddress}/24`, "dev", "h0");
    for (const address of worldAddresses) ip("-n", world, "addr", "add", `${address}/32`, "dev", "lo");
    for (const [namespace, link] of [
      [world, "w0"],
      [host, "h0"],
      [world, "lo"],
      [host, "lo"],
    ] as const) {
      ip("-n", namespace, "link", "set", link, "up");
    }
    ip("-n", host, "route", "add", "default", "via", neighbour);
    for (const namespace of [world, host]) {
      const child = spawn("ip", ["netns", "exec", namespace, "/usr/bin/python3", "-c", server], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      servers.push(child);
      await new Promise((resolve) => child.stdout.once("data", resolve));
    }
  });
  afterAll(() => {
    for (const child of servers) child.kill("SIGKILL");
    for (const namespace of [world, host]) ip("netns", "del", namespace);
  });

  const outside = (kind: "tcp" | "udp", address: string): string =>
    execFileSync("ip", ["netns", "exec", host, "/usr/bin/python3", "-c", client(kind, address)])
      .toString()
      .trim();

  describe.each(["root", "user"] as const)("as %s", (who: Who) => {
    let worker: TestWorker;
    beforeAll(async () => {
      const tun = who === "user" ? ["unshare", "-m", "sh", "-c", openTun, "sh"] : [];
      worker = await startWorker(who, {
        prefix: ["ip", "netns", "exec", host, ...tun],
        path: "/usr/sbin:/usr/bin:/bin",
      });
    });
    afterAll(async () => worker.close());
    const inside = async (kind: "tcp" | "udp", address: string): Promise<string> => {
      const { error, stdout } = await worker.run({ code: client(kind, address), network: true, cpu: 1 });
      expect(error).toBeNull();
      return stdout.toString().trim();
    };

    test.each(["tcp", "udp"] as const)("a public address, by %s", async (kind) => {
      expect(outside(kind, publicAddress)).toBe("reached");
      expect(await inside(kind, publicAddress)).toBe("reached");
    });
    test.each([...worldAddresses.slice(1), neighbour, hostAddress, "127.0.0.1"])("%s is closed", async (address) => {
      expect(outside("tcp", address)).toBe("reached");
      expect(outside("udp", address)).toBe("reached");
      expect(await inside("tcp", address)).toMatch(/^no:/);
      expect(await inside("udp", address)).toMatch(/^no:/);
    });
    test.each(["10.0.2.2", "10.0.2.3", "0.0.0.0"])("%s is no way to this machine", async (address) => {
      expect(await inside("tcp", address)).toMatch(/^no:/);
    });
    test("the code cannot change the rules or the routes", async () => {
      const code =
        "nft flush ruleset 2>&1; ip route add 10.99.0.0/16 via 10.0.2.2 2>&1; ip link set tap0 down 2>&1; true";
      const { stdout } = await worker.run({ code, language: "sh", network: true });
      expect(stdout.toString()).toMatch(/not permitted/i);
      expect(await inside("tcp", "10.99.0.1")).toMatch(/^no:/);
    });
    test("slirp4netns dies with the run, and with the worker", async () => {
      await inside("tcp", publicAddress);
      expect(await processesWith("slirp4netns --configure")).toEqual([]);
      const running = worker.run({ code: "sleep 54321", language: "sh", network: true }).catch(() => {});
      while ((await processesWith("sleep 54321")).length === 0) await sleep(20);
      await worker.crash();
      await running;
      await sleep(500);
      expect(await processesWith("slirp4netns --configure")).toEqual([]);
      expect(await processesWith("sleep 54321")).toEqual([]);
    });
  });
});
