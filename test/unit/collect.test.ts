/**
 * A container runtime that ends an exec well before all of its output has arrived. This was seen on a loaded machine
 * and cannot be reproduced at will, so a server in this process implements the exec protocol.
 */

import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Writable } from "node:stream";
import { afterEach, beforeEach, expect, test } from "vitest";
import { WebSocketServer } from "ws";
import { createClusterClient } from "#cells/kubernetes/api/cluster-client";
import { collectOnce } from "#cells/kubernetes/exec/collect";
import { programOf } from "#core/contract/cell-shape";
import { builtInLanguages, findLanguage } from "#core/contract/language";
import { parseRequest } from "#core/contract/parse-request";

/** What one exec sends: pieces of stdout and stderr. */
interface Answer {
  readonly stdout: string;
  readonly stderr: string;
  /** Continues stdout as long as the client reads. */
  readonly endless?: boolean;
}

const http = createServer();
const server = new WebSocketServer({ server: http, handleProtocols: () => "v5.channel.k8s.io" });
let answers: Answer[] = [];
let asked: string[][] = [];
let directory: string;

server.on("connection", (socket, request) => {
  const { searchParams } = new URL(request.url ?? "", "http://localhost");
  asked.push(searchParams.getAll("command").slice(5, 7));
  const { stdout, stderr, endless = false } = answers.shift() ?? { stdout: "", stderr: "" };
  const send = (channel: number, data: string): void => socket.send(Buffer.from([channel, ...Buffer.from(data)]));
  send(1, stdout);
  send(2, stderr);
  const goOn = (): void => {
    if (socket.readyState === socket.OPEN) socket.send(Buffer.concat([Buffer.from([1]), Buffer.alloc(65_536)]), goOn);
  };
  if (endless) goOn();
  else send(3, JSON.stringify({ status: "Success" }));
});

beforeEach(async () => {
  answers = [];
  asked = [];
  http.listen(0, "127.0.0.1");
  await once(http, "listening");
  directory = await mkdtemp(join(tmpdir(), "kgents-collect-"));
  const { port } = http.address() as AddressInfo;
  const kubeconfig = {
    ...{ apiVersion: "v1", kind: "Config", "current-context": "c", users: [{ name: "u", user: {} }] },
    clusters: [{ name: "c", cluster: { server: `http://127.0.0.1:${port}`, "insecure-skip-tls-verify": true } }],
    contexts: [{ name: "c", context: { cluster: "c", user: "u" } }],
  };
  await writeFile(join(directory, "kubeconfig"), JSON.stringify(kubeconfig));
});
afterEach(async () => {
  for (const client of server.clients) client.terminate();
  http.close();
  await rm(directory, { recursive: true, force: true });
});

/** Collects a cell's output into two streams. */
async function collector(stdout: Writable, stderr: Writable, outputs: string[] = []) {
  const client = await createClusterClient({ kubeconfig: join(directory, "kubeconfig"), namespace: "cells" });
  const spec = parseRequest({ code: "true", language: "sh", outputs });
  const language = findLanguage(builtInLanguages, "sh");
  const program = programOf(spec, language);
  const context = {
    ...{ stop: new AbortController().signal, started: () => {}, stored: { stdout: 0, stderr: 0 } },
    ...{ stdout, stderr, open: () => Promise.reject(), saveFile: async () => true },
    ...{ ended: () => {}, abandoned: new AbortController().signal },
  };
  const state = { received: { stdout: 0, stderr: 0 }, mayHaveStarted: true, startedAt: new Date() };
  const run = { client, pod: "a-pod", program, n: 1, language, directory: ".", context, state };
  return (signal = AbortSignal.timeout(60_000)) => collectOnce(run, { disk: spec.disk, saved: new Set(), signal });
}

const sinkOf = (chunks: Buffer[]): Writable =>
  new Writable({
    write: (chunk, _encoding, done) => {
      chunks.push(chunk);
      done();
    },
  });

test.each([
  [
    "stdout",
    { stdout: "0 exit \n0,1,2\n10\n3\n01234", stderr: "abc" },
    ["5", "3"],
    { stdout: "5\n0\n56789", stderr: "" },
  ],
  [
    "stderr",
    { stdout: "0 exit \n0,1,2\n10\n3\n0123456789", stderr: "a" },
    ["10", "1"],
    { stdout: "0\n2\n", stderr: "bc" },
  ],
])("what is missing of %s is asked for again, from where it broke off", async (_, first, again, second) => {
  answers = [first, { ...second, stdout: `0 exit \n0,1,2\n${second.stdout}` }];
  const [stdout, stderr]: [Buffer[], Buffer[]] = [[], []];
  const collect = await collector(sinkOf(stdout), sinkOf(stderr));

  expect(await collect()).toEqual({ failed: "the connection ended before all of the output came" });
  expect(await collect()).toMatchObject({ collected: { marker: { code: 0 } } });
  expect(asked).toEqual([["0", "0"], again]);
  expect([stdout, stderr].map((chunks) => Buffer.concat(chunks).toString())).toEqual(["0123456789", "abc"]);
});

const words = "0 exit \n0,1,2,300\n";
/** No files, and the end of an archive. */
const noFiles = `\0\x000\0${"\0".repeat(1024)}`;

test.each([
  ["after its archive", { stdout: `${words}0\n0\n${noFiles}`, stderr: "", endless: true }],
  ["in the place of an archive", { stdout: `${words}0\n0\n\0\x000\0`, stderr: "", endless: true }],
])("a cell whose tar goes on without end %s is given up, and what it said counts", async (_, answer) => {
  answers = [answer];
  const collect = await collector(sinkOf([]), sinkOf([]), ["*"]);
  expect(await collect()).toMatchObject({ collected: { marker: { code: 0 }, elapsedMilliseconds: 300 } });
});

test("a store that takes nothing more is waited for until the deadline, and no longer", async () => {
  answers = [{ stdout: `${words}400000\n0\n${"x".repeat(200_000)}`, stderr: "" }];
  const stuck = new Writable({ write: () => {} });
  const collect = await collector(stuck, sinkOf([]));
  const deadline = new AbortController();
  const end = collect(deadline.signal);
  await expect.poll(() => stuck.writableLength).toBeGreaterThan(0);
  deadline.abort();
  expect(await end).toEqual({ failed: "its output was not collected and stored in time" });
});

test("a store that fails while it is waited for is said to have failed", async () => {
  answers = [{ stdout: `${words}200000\n0\n${"x".repeat(200_000)}`, stderr: "" }];
  const stuck = new Writable({ write: () => {} });
  const end = (await collector(stuck, sinkOf([])))();
  await expect.poll(() => stuck.writableLength).toBeGreaterThan(0);
  // Without an error, like a stream that was closed.
  stuck.destroy();
  await expect(end).rejects.toThrow("the stream of the store is closed");
});

test("a cell that says what makes no sense, without end, is not listened to", async () => {
  answers = [{ stdout: "x".repeat(8192), stderr: "", endless: true }];
  const collect = await collector(sinkOf([]), sinkOf([]));
  expect(await collect()).toEqual({ failed: "the connection was closed" });
});
