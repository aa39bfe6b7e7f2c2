/** Limits on what clients can hold of an MCP server by HTTP without sending a request. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { McpServer } from "@modelcontextprotocol/server";
import { afterEach, expect, test } from "vitest";
import { type HttpOptions, serveOnHttp } from "#client/mcp/serve-http";
import { allowedHosts } from "#platform/host/refuse-foreign-origin";

let serving: Awaited<ReturnType<typeof serveOnHttp>> | undefined;
const sockets: Socket[] = [];
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await serving?.close();
});

async function serve(bounds: NonNullable<HttpOptions["bounds"]>): Promise<URL> {
  const options = { host: "127.0.0.1", port: 0, hosts: allowedHosts("127.0.0.1", []), token: undefined, bounds };
  const createServer = () => new McpServer({ name: "test", version: "1" }, { capabilities: { tools: {} } });
  serving = await serveOnHttp(createServer, options, () => {});
  return new URL(serving.url);
}

/** Opens a connection and sends a text. */
async function open({ port }: URL, text: string): Promise<Socket> {
  const socket = connect(Number(port), "127.0.0.1").on("error", () => {});
  sockets.push(socket);
  await once(socket, "connect");
  if (text !== "") socket.write(text);
  return socket;
}

/** Everything received on a connection until it is closed. */
async function answerOn(socket: Socket): Promise<string> {
  const chunks: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  await once(socket, "close");
  return Buffer.concat(chunks).toString();
}

const params = { protocolVersion: "2025-06-18", capabilities: {}, clientInfo: { name: "x", version: "1" } };
const initialize = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "initialize", params });
const ask = async (url: URL, accept = "application/json, text/event-stream"): Promise<Response> =>
  fetch(url, { method: "POST", headers: { "content-type": "application/json", accept }, body: initialize });
const head = (length: number): string =>
  `POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${length}\r\n\r\n`;

test("connections that say nothing, or half of a request, lock nobody out", async () => {
  const url = await serve({ maximumConnections: 16 });
  const first = await open(url, "");
  const isClosed = once(first, "close");
  for (let count = 0; count < 40; count += 1) await open(url, count % 2 === 0 ? "" : "POST /mcp HTTP/1.1\r\n");
  expect((await ask(url)).status).toBe(200);
  await isClosed;
});

test("headers and bodies that do not come end their connection", async () => {
  const url = await serve({ headersMilliseconds: 300, requestMilliseconds: 600 });
  const ends = await Promise.all(["", "POST /mcp HTTP/1.1\r\n", head(1000)].map((text) => open(url, text)));
  for (const end of await Promise.all(ends.map(answerOn))) expect(end).toMatch(/^(?:HTTP\/1\.1 408|$)/);
}, 20_000);

test("half-sent bodies are given up, the oldest first, where all together become too large", async () => {
  const url = await serve({ totalBytes: 2 ** 20 });
  const half = head(2 ** 20) + " ".repeat(300 * 1024);
  const first = await open(url, half);
  const refused = answerOn(first);
  for (let count = 0; count < 6; count += 1) await open(url, half);
  expect(await refused).toMatch(/^HTTP\/1\.1 503 /);
  expect((await ask(url)).status).toBe(200);
});

test.each<[string, string, string, number]>([
  ["both kinds of answer", "application/json, text/event-stream", "text/event-stream", 200],
  ["everything", "*/*", "text/event-stream", 200],
  ["everything, in parts", "text/*, application/*;q=0.5", "text/event-stream", 200],
  ["a stream", "text/event-stream", "text/event-stream", 200],
  ["JSON", "application/json", "application/json", 200],
  ["anything but a stream", "*/*, text/event-stream;q=0", "application/json", 200],
  ["pages", "text/html", "application/json", 406],
])("a client that accepts %s", async (_, accept, type, status) => {
  const url = await serve({});
  const response = await ask(url, accept);
  expect([response.status, response.headers.get("content-type")]).toEqual([status, type]);
  await response.text();
  if (status !== 200) return;
  const session = response.headers.get("mcp-session-id") ?? "";
  const headers = { "content-type": "application/json", accept, "mcp-session-id": session };
  const ping = JSON.stringify({ jsonrpc: "2.0", id: 2, method: "ping" });
  expect((await fetch(url, { method: "POST", headers, body: ping })).status).toBe(200);
});

test("a client that says nothing of what it accepts", async () => {
  const url = await serve({});
  const socket = await open(url, head(initialize.length) + initialize);
  const [answer] = await once(socket, "data");
  expect(String(answer)).toMatch(/^HTTP\/1\.1 200 .*text\/event-stream/s);
});
