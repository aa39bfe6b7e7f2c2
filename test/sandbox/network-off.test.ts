/** Without --network, nothing of this machine's network is reachable. Each target is first reached from outside. */
import { createSocket } from "node:dgram";
import { mkdtemp, rm } from "node:fs/promises";
import { connect, createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { everyone, startWorker, type TestWorker } from "./helpers/worker.ts";

const listening = (server: Server, where: object): Promise<void> =>
  new Promise((resolve) => server.listen(where, () => resolve()));

describe.each(everyone)("network off, as %s", (who) => {
  let worker: TestWorker;
  let directory: string;
  const servers: Server[] = [];
  const udp = createSocket("udp4");
  const heard: string[] = [];
  const targets = { tcp: 0, tcp6: 0, udp: 0, abstract: "", path: "" };

  beforeAll(async () => {
    worker = await startWorker(who);
    directory = await mkdtemp(join(tmpdir(), "kgents-net-"));
    const serve = async (where: object): Promise<number> => {
      const server = createServer((socket) => socket.on("error", () => {}).end("reached"));
      servers.push(server);
      await listening(server, where);
      const address = server.address();
      return typeof address === "object" && address ? address.port : 0;
    };
    targets.tcp = await serve({ port: 0, host: "127.0.0.1" });
    targets.tcp6 = await serve({ port: 0, host: "::1" });
    targets.abstract = `kgents-${process.pid}-${who}`;
    await serve({ path: `\0${targets.abstract}` });
    targets.path = join(directory, "socket");
    await serve({ path: targets.path });
    udp.on("message", (message) => heard.push(message.toString()));
    await new Promise<void>((resolve) => udp.bind(0, "127.0.0.1", () => resolve()));
    targets.udp = udp.address().port;
  });
  afterAll(async () => {
    await worker.close();
    for (const server of servers) server.close();
    udp.close();
    await rm(directory, { recursive: true, force: true });
  });

  const reach = (where: { port: number; host: string } | { path: string }): Promise<string> =>
    new Promise((resolve) => {
      const socket = connect(where);
      socket.once("data", (data) => resolve(data.toString()));
      socket.once("error", (error) => resolve(error.message));
    });

  /** Tries to reach a target from inside. */
  const tryInside = async (connectCode: string): Promise<string> => {
    const code = `import socket\ntry:\n    s = ${connectCode}\n    s.settimeout(2)\n    print(s.recv(99))\nexcept OSError as e:\n    print("no:", e)`;
    return (await worker.run({ code, cpu: 1 })).stdout.toString();
  };

  test("TCP on loopback", async () => {
    expect(await reach({ port: targets.tcp, host: "127.0.0.1" })).toBe("reached");
    expect(await tryInside(`socket.create_connection(("127.0.0.1", ${targets.tcp}), 2)`)).toMatch(/^no:/);
  });
  test("TCP on IPv6 loopback", async () => {
    expect(await reach({ port: targets.tcp6, host: "::1" })).toBe("reached");
    expect(await tryInside(`socket.create_connection(("::1", ${targets.tcp6}), 2)`)).toMatch(/^no:/);
  });
  test("an abstract unix socket", async () => {
    expect(await reach({ path: `\0${targets.abstract}` })).toBe("reached");
    const inside = `socket.socket(socket.AF_UNIX); s.connect("\\0${targets.abstract}")`;
    expect(await tryInside(inside)).toMatch(/^no:/);
  });
  test("a unix socket by path", async () => {
    expect(await reach({ path: targets.path })).toBe("reached");
    const inside = `socket.socket(socket.AF_UNIX); s.connect(${JSON.stringify(targets.path)})`;
    expect(await tryInside(inside)).toMatch(/^no:/);
  });
  test("UDP on loopback", async () => {
    const client = createSocket("udp4");
    await new Promise((resolve) => client.send("outside", targets.udp, "127.0.0.1", resolve));
    client.close();
    await worker.run({
      code: `import socket\nsocket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"inside", ("127.0.0.1", ${targets.udp}))`,
    });
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(heard).toEqual(["outside"]);
  });
  test.each(["169.254.169.254", "10.0.0.1", "203.0.113.10"])("%s has no route", async (address) => {
    expect(await tryInside(`socket.create_connection(("${address}", 80), 2)`)).toMatch(/^no:.*unreachable/);
  });
  test("names do not resolve", async () => {
    const { stdout } = await worker.run({
      code: "import socket\ntry: print(socket.getaddrinfo('example.com', 80))\nexcept OSError as e: print('no')",
    });
    expect(stdout.toString()).toBe("no\n");
  });
  test("loopback inside works", async () => {
    const code =
      "import socket\na = socket.create_server(('127.0.0.1', 0))\nb = socket.create_connection(a.getsockname())\na.accept()[0].send(b'x')\nprint(b.recv(1))";
    expect((await worker.run({ code })).stdout.toString()).toBe("b'x'\n");
  });
});
