/** How a watch ends, for each response of an API server. The responses are those of Kubernetes 1.34. */
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type ClusterClient, createClusterClient } from "#cells/kubernetes/api/cluster-client";
import { type WatchEnd, watchOnce } from "#cells/kubernetes/api/watch-once";

let directory: string;
let server: Server;
let client: ClusterClient;
let answer: (response: ServerResponse) => void;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "kgents-watch-"));
  server = createServer((_request, response) => answer(response)).listen(0, "127.0.0.1");
  await once(server, "listening");
  const kubeconfig = join(directory, "kubeconfig");
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const config = {
    apiVersion: "v1",
    kind: "Config",
    "current-context": "test",
    clusters: [{ name: "test", cluster: { server: address, "insecure-skip-tls-verify": true } }],
    users: [{ name: "test", user: {} }],
    contexts: [{ name: "test", context: { cluster: "test", user: "test" } }],
  };
  await writeFile(kubeconfig, JSON.stringify(config));
  client = await createClusterClient({ kubeconfig, namespace: "test" });
});
afterAll(async () => {
  server.closeAllConnections();
  server.close();
  await rm(directory, { recursive: true, force: true });
});

const pod = (name: string, resourceVersion: string) => ({ kind: "Pod", metadata: { name, resourceVersion } });
const event = (type: string, object: object): string => `${JSON.stringify({ type, object })}\n`;
const status = (code: number, message: string): object => ({ kind: "Status", code, message });
const failed = (message: string): WatchEnd => ({ end: "failed", error: expect.objectContaining({ message }) });

test.each<[what: string, code: number, lines: string[], close: boolean, end: WatchEnd, seen: string[]]>([
  ["the server ends it", 200, [event("ADDED", pod("a", "7"))], true, { end: "over", version: "7" }, ["ADDED a"]],
  ["nothing came", 200, [], true, { end: "over", version: "5" }, []],
  ["silence", 200, [event("MODIFIED", pod("a", "7"))], false, { end: "over", version: "7" }, ["MODIFIED a"]],
  ["a bookmark", 200, [event("BOOKMARK", pod("", "9"))], true, { end: "over", version: "9" }, []],
  [
    "too old, as an event",
    200,
    [event("DELETED", pod("a", "7")), event("ERROR", status(410, "too old resource version: 1 (9)"))],
    true,
    { end: "expired" },
    ["DELETED a"],
  ],
  ["too old, as a status", 410, [], true, { end: "expired" }, []],
  ["another error, as an event", 200, [event("ERROR", status(500, "etcd"))], false, failed("etcd"), []],
  ["forbidden", 403, [], true, failed("Forbidden"), []],
  ["the credential is not taken", 401, [], true, failed("Unauthorized"), []],
  ["an object that the reader refuses", 200, [event("ADDED", pod("bad", "7"))], false, failed("no such pod"), []],
])("%s", async (what, code, lines, close, end, seen) => {
  answer = (response) => {
    response.writeHead(code, { "content-type": "application/json" });
    response.write(lines.join(""));
    if (close) response.end();
  };
  const taken: string[] = [];
  const request = {
    path: "/api/v1/pods",
    labelSelector: "a=b",
    version: "5",
    silence: what === "silence" ? 1500 : 20_000,
    signal: neverAborted,
  };
  const ended = await watchOnce(client, request, (type, { metadata }) => {
    if (metadata?.name === "bad") throw new Error("no such pod");
    taken.push(`${type} ${metadata?.name}`);
  });
  expect(ended).toEqual(end);
  expect(taken).toEqual(seen);
});

const { signal: neverAborted } = new AbortController();
