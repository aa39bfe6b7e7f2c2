/**
 * A runtime that ends an exec well before all of its output has come: seen on a machine under load, and not to be had at will.
 * So a server of our own speaks the protocol of exec here.
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
import { createClusterClient } from "../../activities/backends/kubernetes/cluster-client.ts";
import { collectOnce } from "../../activities/backends/kubernetes/collect.ts";
import { builtInLanguages, findLanguage } from "../../core/language.ts";
import { parseRequest } from "../../core/parse-request.ts";

/** What one exec sends: pieces of stdout and stderr. */
interface Answer {
  readonly stdout: string;
  readonly stderr: string;
}

const http = createServer();
const server = new WebSocketServer({ server: http, handleProtocols: () => "v5.channel.k8s.io" });
let answers: Answer[] = [];
let asked: string[][] = [];
/** What an exec sends again and again, if anything. */
let endless: Buffer | undefined;
let directory: string;

server.on("connection", (socket, request) => {
  const { searchParams } = new URL(request.url ?? "", "http://localhost");
  asked.push(searchParams.getAll("command").slice(4, 6));
  const { stdout, stderr } = answers.shift() ?? { stdout: "", stderr: "" };
  if (endless !== undefined) {
    const more = setInterval(() => socket.send(Buffer.concat([Buffer.from([1]), endless ?? Buffer.alloc(0)])), 1);
    socket.on("close", () => clearInterval(more));
    return;
  }
  const send = (channel: number, data: string): void => socket.send(Buffer.from([channel, ...Buffer.from(data)]));
  send(1, stdout);
  send(2, stderr);
  send(3, JSON.stringify({ status: "Success" }));
});

beforeEach(async () => {
  endless = undefined;
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

const sinkOf = (chunks: Buffer[]): Writable =>
  new Writable({
    write: (chunk, _encoding, done) => {
      chunks.push(chunk);
      done();
    },
  });

/** Prepares to collect from a cell. */
async function prepare() {
  const client = await createClusterClient({ kubeconfig: join(directory, "kubeconfig"), namespace: "cells" });
  const [stdout, stderr]: [Buffer[], Buffer[]] = [[], []];
  const spec = parseRequest({ code: "true", language: "sh" });
  const plan = {
    ...{ cellId: "a-cell", spec, language: findLanguage(builtInLanguages, "sh") },
    owner: { workflowId: "w", runId: "r" },
  };
  const context = {
    ...{ stop: new AbortController().signal, started: () => {}, stored: { stdout: 0, stderr: 0 } },
    ...{ abandoned: new AbortController().signal, ended: () => {} },
    ...{ stdout: sinkOf(stdout), stderr: sinkOf(stderr), open: () => Promise.reject(), saveFile: async () => true },
  };
  const progress = { received: { stdout: 0, stderr: 0 }, mayHaveStarted: true, startedAt: new Date() };
  return { stdout, stderr, collect: () => collectOnce(client, "a-pod", plan, context, progress, new Set()) };
}

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
  const { collect, stdout, stderr } = await prepare();

  expect(await collect()).toEqual({ failed: "the connection ended before all of the output came" });
  expect(await collect()).toMatchObject({ collected: { marker: { code: 0 } } });
  expect(asked).toEqual([["0", "0"], again]);
  expect([stdout, stderr].map((chunks) => Buffer.concat(chunks).toString())).toEqual(["0123456789", "abc"]);
});

test("a cell that says what makes no sense, without end, is not listened to", async () => {
  endless = Buffer.alloc(8192, "x");
  const { collect } = await prepare();
  expect(await collect()).toEqual({ failed: "the connection was closed" });
});
