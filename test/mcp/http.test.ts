/** `kgents mcp --http`: which requests it accepts, and how it stops. */
import { once } from "node:events";
import { request } from "node:http";
import { createServer } from "node:net";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import type { CommandLine } from "../support/command-line.ts";
import { leftoversOf } from "../support/leftovers.ts";
import { processesRunning } from "../support/processes.ts";
import { connectByHttp, eras, type HttpServer, openTerminal, startHttp } from "./support.ts";

const token = "correct-horse-battery-staple";
let terminal: CommandLine;
let server: HttpServer;
beforeAll(async () => {
  terminal = await openTerminal(inject("temporalBinary"));
  server = await startHttp(terminal);
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await terminal[Symbol.asyncDispose]();
});

interface Reply {
  readonly status: number | undefined;
  readonly headers: NodeJS.Dict<string | string[]>;
  readonly body: string;
}

/** Sends a request with exactly these headers, which `fetch` does not allow. */
async function send(
  url: URL,
  method: string,
  headers: Record<string, string> = {},
  body?: string | Buffer | "never comes",
): Promise<Reply> {
  const outgoing = request(url, { method, headers, agent: false });
  const answered = once(outgoing, "response");
  if (body === "never comes") outgoing.flushHeaders();
  else outgoing.end(body);
  const [response] = await answered;
  return { status: response.statusCode, headers: response.headers, body: await text(response) };
}

const json = { "content-type": "application/json", accept: "application/json, text/event-stream" };
const initialize = JSON.stringify({
  jsonrpc: "2.0",
  id: 1,
  method: "initialize",
  params: { protocolVersion: "2025-06-18", capabilities: {}, clientInfo: { name: "by-hand", version: "1" } },
});

/** Opens a session like a client of protocol 2025, and returns its id. */
async function openSession(url: URL): Promise<string> {
  const { status, headers } = await send(url, "POST", json, initialize);
  expect(status).toBe(200);
  return String(headers["mcp-session-id"]);
}

describe("strangers", () => {
  test.each<[string, Record<string, string>, number]>([
    ["a name that was rebound to this machine", { host: "evil.example" }, 403],
    ["the same with our port", { host: "evil.example:8080" }, 403],
    ["a Host with a user in it", { host: "localhost@evil.example" }, 403],
    ["a Host that is none", { host: "local host" }, 403],
    ["another web page", { origin: "https://evil.example" }, 403],
    ["a web page of another server of this machine", { origin: "http://localhost:1" }, 403],
    ["a page without an origin", { origin: "null" }, 403],
    ["nobody in particular", {}, 200],
    ["localhost", { host: "localhost" }, 200],
    ["localhost by IPv6, in capitals", { host: "[::1]:99" }, 200],
  ])("%s", async (_, headers, status) => {
    const reply = await send(server.url, "POST", { ...json, ...headers }, initialize);
    expect(reply.status).toBe(status);
    if (status === 403) expect(JSON.parse(reply.body)).toMatchObject({ jsonrpc: "2.0", error: {}, id: null });
  });

  test("this very server's own origin", async () => {
    expect((await send(server.url, "POST", { ...json, origin: server.url.origin }, initialize)).status).toBe(200);
  });

  test("preflights of browsers get no leave", async () => {
    const { headers } = await send(server.url, "OPTIONS", { "access-control-request-method": "POST" });
    expect(Object.keys(headers).filter((name) => name.startsWith("access-control"))).toEqual([]);
  });
});

describe("tokens", () => {
  test.each<[string, string[], NodeJS.ProcessEnv, string]>([
    [
      "none, elsewhere than on loopback",
      ["--host", "0.0.0.0"],
      {},
      "kgents: --host: 0.0.0.0 is reachable from other machines",
    ],
    [
      "none, at a name that only begins like loopback",
      ["--host", "127.example.org"],
      {},
      "kgents: --host: 127.example.org is reachable from other machines",
    ],
    ["one that can be guessed", [], { KGENTS_MCP_TOKEN: "short" }, "kgents: KGENTS_MCP_TOKEN: allowed are 16 or more"],
    ["an empty one", ["--host", "::"], { KGENTS_MCP_TOKEN: "" }, "kgents: KGENTS_MCP_TOKEN: allowed are 16 or more"],
    [
      "a file that is not there",
      ["--token-file", "nowhere"],
      {},
      "kgents: --token-file: nowhere cannot be read: ENOENT",
    ],
    ["a port that is none", ["--http", "70000"], {}, "kgents: option '--http <port>'"],
  ])("%s", async (_, args, environment, words) => {
    const { code, stdout, stderr } = await terminal.run(["mcp", "--http", "0", ...args], { environment });
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain(words);
  });

  test("a port that is taken", async () => {
    const other = createServer().listen(0, "127.0.0.1");
    await once(other, "listening");
    const { port } = other.address() as { port: number };
    const { code, stderr } = await terminal.run(["mcp", "--http", String(port)]);
    other.close();
    expect({ code, stderr }).toEqual({
      code: 125,
      stderr: expect.stringContaining(`cannot listen at 127.0.0.1, port ${port}`),
    });
  });

  test.each<[string, () => Promise<string[]>, NodeJS.ProcessEnv]>([
    ["from a file", async () => ["--token-file", await terminal.file("token", `${token}\n`)], {}],
    ["from the environment, everywhere", async () => ["--host", "0.0.0.0"], { KGENTS_MCP_TOKEN: token }],
  ])("%s", async (_, args, environment) => {
    await using guarded = await startHttp(terminal, await args(), environment);
    const url = new URL(guarded.url);
    url.hostname = "127.0.0.1";
    for (const authorization of [undefined, token, `Basic ${token}`, `Bearer ${token}x`, "Bearer", "Bearer "]) {
      const reply = await send(
        url,
        "POST",
        { ...json, ...(authorization === undefined ? {} : { authorization }) },
        initialize,
      );
      expect(reply).toMatchObject({ status: 401, headers: { "www-authenticate": 'Bearer realm="kgents"' } });
    }
    await expect(connectByHttp(url)).rejects.toThrow();
    for (const era of eras) {
      await using agent = await connectByHttp(url, era, { authorization: `Bearer ${token}` });
      expect((await agent.client.listTools()).tools).toHaveLength(10);
    }
    expect(guarded.running.stderr()).not.toContain(token);
  });

  test("another name is served where it was allowed", async () => {
    await using named = await startHttp(terminal, ["--allow-host", "runs.example.com"]);
    const ask = (host: string) => send(named.url, "POST", { ...json, host }, initialize);
    expect((await ask("runs.example.com")).status).toBe(200);
    expect((await ask("other.example.com")).status).toBe(403);
  });
});

describe("requests that are not right", () => {
  test.each<[string, string, Record<string, string>, string | Buffer | undefined, number]>([
    ["no JSON", "POST", json, "{", 400],
    ["JSON that is no message", "POST", json, "[1]", 400],
    ["another type", "POST", { ...json, "content-type": "text/plain" }, initialize, 415],
    ["no session", "POST", json, JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/list" }), 400],
    ["a session that is not there", "GET", { ...json, "mcp-session-id": "x" }, undefined, 404],
    ["a stream without a session", "GET", json, undefined, 400],
    // Rejected by its declared length: a client that is still sending may not read the response.
    ["too large", "POST", { ...json, "content-length": String(17 * 1024 * 1024) }, "never comes", 413],
  ])("%s", async (_, method, headers, body, status) => {
    expect((await send(server.url, method, headers, body)).status).toBe(status);
  });

  test("another path", async () => {
    expect((await send(new URL("/", server.url), "GET")).status).toBe(404);
  });

  test("the server goes on after all of them", async () => {
    await using agent = await connectByHttp(server.url);
    expect((await agent.client.listTools()).tools).toHaveLength(10);
  });
});

test("more clients than there are places: the one that was idle longest makes room", async () => {
  const first = await openSession(server.url);
  const ping = (session: string) =>
    send(
      server.url,
      "POST",
      { ...json, "mcp-session-id": session },
      JSON.stringify({ jsonrpc: "2.0", id: 2, method: "ping" }),
    );
  expect((await ping(first)).status).toBe(200);
  let last = "";
  for (let count = 0; count < 64; count += 1) last = await openSession(server.url);
  expect((await ping(first)).status).toBe(404);
  expect((await ping(last)).status).toBe(200);
  expect((await send(server.url, "DELETE", { ...json, "mcp-session-id": last })).status).toBe(200);
  expect((await ping(last)).status).toBe(404);
});

test.each(["SIGTERM", "SIGINT"] as const)(
  "%s cancels what runs for all clients, who are told, and leaves nothing",
  async (signal) => {
    const ending = await startHttp(terminal);
    const agents = await Promise.all(eras.map((era) => connectByHttp(ending.url, era)));
    const begun = agents.map(() => Promise.withResolvers<void>());
    const seconds = signal === "SIGTERM" ? 6321 : 6322;
    const answers = agents.map((agent, index) =>
      agent.call(
        "run_code",
        { code: `echo begun; exec sleep ${seconds}`, language: "sh", timeout: "2h" },
        { onprogress: () => begun[index]?.resolve() },
      ),
    );
    await Promise.all(begun.map(({ promise }) => promise));
    await expect.poll(() => processesRunning(`sleep ${seconds}`)).toHaveLength(2);
    ending.running.child.kill(signal);
    for (const answer of answers) {
      expect((await answer).structuredContent).toMatchObject({ status: "cancelled", stdout: { text: "begun\n" } });
    }
    await Promise.all(agents.map((agent) => agent[Symbol.asyncDispose]()));
    expect((await ending.running.ended).code).toBe(0);
    expect(await processesRunning(`sleep ${seconds}`)).toEqual([]);
    expect((await leftoversOf(terminal.state)).cells).toEqual([]);
  },
);
