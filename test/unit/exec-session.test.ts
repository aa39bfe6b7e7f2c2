/** A program in a container over a real connection, to a server in this process that acts as an API server. */
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type WebSocket, WebSocketServer } from "ws";
import { type ClusterClient, createClusterClient } from "#cells/kubernetes/api/cluster-client";
import { openSession, runScript } from "#cells/kubernetes/exec/exec-session";

const target = { pod: "pod", container: "cell" };
const success = Buffer.concat([Buffer.from([3]), Buffer.from('{"status":"Success"}')]);
const output = (bytes: number): Buffer => Buffer.concat([Buffer.from([1]), Buffer.alloc(bytes, "x")]);

let server: WebSocketServer;
let client: ClusterClient;
/** What the server does with the next connection. */
let behave: (socket: WebSocket) => void = () => {};
const directory = mkdtempSync(join(tmpdir(), "kgents-exec-"));

beforeAll(async () => {
  server = new WebSocketServer({ port: 0, host: "127.0.0.1", handleProtocols: (names) => [...names][0] ?? false });
  server.on("connection", (socket) => behave(socket));
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const kubeconfig = join(directory, "kubeconfig");
  const about = {
    apiVersion: "v1",
    kind: "Config",
    "current-context": "c",
    clusters: [{ name: "c", cluster: { server: `http://127.0.0.1:${port}`, "insecure-skip-tls-verify": true } }],
    contexts: [{ name: "c", context: { cluster: "c", user: "u" } }],
    users: [{ name: "u", user: {} }],
  };
  writeFileSync(kubeconfig, JSON.stringify(about));
  client = await createClusterClient({ kubeconfig, namespace: "n" });
});
afterAll(async () => {
  for (const socket of server.clients) socket.terminate();
  server.close();
  rmSync(directory, { recursive: true });
});

describe("a session", () => {
  it("gives the output and the exit", async () => {
    behave = (socket) => {
      socket.send(output(3));
      socket.send(success);
    };
    const session = await openSession(client, target, ["true"]);
    expect(Buffer.concat(await session.stdout.toArray()).toString()).toBe("xxx");
    expect(await session.ended).toEqual({ exitCode: 0 });
  });

  it("lives on while its output is not taken, and for the next answer after that", async () => {
    const all = 4 * 2 ** 20;
    behave = (socket) => {
      for (let sent = 0; sent < all; sent += 2 ** 16) socket.send(output(2 ** 16));
      socket.send(success);
    };
    const pingMilliseconds = 100;
    const session = await openSession(client, target, ["true"], { pingMilliseconds, idleMilliseconds: 250 });
    let bytes = 0;
    // Like a store that stalls repeatedly for longer than the deadline of a response.
    for await (const chunk of session.stdout) {
      if (bytes % 2 ** 20 === 0) await wait(3.5 * pingMilliseconds);
      bytes += chunk.length;
    }
    expect(bytes).toBe(all);
    expect(await session.ended).toEqual({ exitCode: 0 });
  });

  it("waits once for a stream that is full, however many frames had arrived", async () => {
    const small = 2000;
    behave = (socket) => {
      socket.send(output(2 * 2 ** 20));
      for (let sent = 0; sent < small; sent += 1) socket.send(output(1));
      socket.send(success);
    };
    const session = await openSession(client, target, ["true"]);
    let bytes = 0;
    let most = 0;
    for await (const chunk of session.stdout) {
      bytes += chunk.length;
      most = Math.max(most, session.stdout.listenerCount("drain"));
      // What has arrived is passed on in the meantime.
      await wait(1);
    }
    expect({ bytes, most }).toEqual({ bytes: 2 * 2 ** 20 + small, most: 1 });
  });

  it("ends where the other side does not answer any more", async () => {
    // The server reads nothing, so it answers no ping.
    behave = (socket) => socket.pause();
    const session = await openSession(client, target, ["true"], { pingMilliseconds: 30 });
    expect(await session.ended).toMatchObject({ broken: expect.any(String) });
  });
});

describe("a program that is to be given up", () => {
  it("ends with its signal", async () => {
    behave = () => {};
    const stop = new AbortController();
    const end = runScript(client, target, ["sleep", "600"], stop.signal);
    await once(server, "connection");
    stop.abort();
    expect(await end.catch(String)).toEqual(expect.anything());
  });

  it("is not begun where it was given up before", async () => {
    const stop = AbortSignal.abort();
    await expect(runScript(client, target, ["sleep", "600"], stop)).rejects.toThrow(/closed before/);
  });
});
