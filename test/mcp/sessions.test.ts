/** HTTP sessions: limited in number and lifetime. */
import { McpServer } from "@modelcontextprotocol/server";
import { afterEach, expect, test } from "vitest";
import { createSessions, type SessionBounds, type Sessions } from "#client/mcp/http-sessions";

let sessions: Sessions | undefined;
afterEach(() => sessions?.close());

function open(bounds: Partial<SessionBounds>): Sessions {
  const fail = (error: Error): void => expect.fail(error.message);
  const all = createSessions(
    () => new McpServer({ name: "test", version: "1" }, { capabilities: { tools: {} } }),
    { maximumMessageBytes: 65_536, ...bounds },
    fail,
  );
  sessions = all;
  return all;
}

const message = (method: string, id: number, params: object = {}): RequestInit => ({
  method: "POST",
  headers: { "content-type": "application/json", accept: "application/json, text/event-stream" },
  body: JSON.stringify({ jsonrpc: "2.0", id, method, params }),
});

const withSession = (session: string, init: RequestInit): Request => {
  const request = new Request("http://localhost/mcp", init);
  request.headers.set("mcp-session-id", session);
  return request;
};

async function initialize({ fetch }: Sessions): Promise<Response> {
  const params = { protocolVersion: "2025-06-18", capabilities: {}, clientInfo: { name: "x", version: "1" } };
  const response = await fetch(new Request("http://localhost/mcp", message("initialize", 1, params)));
  await response.text();
  return response;
}

const sessionOf = (response: Response): string => response.headers.get("mcp-session-id") ?? "";

async function ping({ fetch }: Sessions, session: string): Promise<number> {
  const response = await fetch(withSession(session, message("ping", 2)));
  await response.text();
  return response.status;
}

test("one that nobody uses any more ends by itself", async () => {
  const all = open({ idleMilliseconds: 200 });
  const session = sessionOf(await initialize(all));
  expect(await ping(all, session)).toBe(200);
  // A request keeps the session alive, so poll slowly enough for it to expire.
  await expect.poll(() => ping(all, session), { interval: 1000 }).toBe(404);
});

test("one whose stream is open does not, and makes no room for others", async () => {
  const all = open({ idleMilliseconds: 100, maximumSessions: 2 });
  const first = sessionOf(await initialize(all));
  const stream = await all.fetch(withSession(first, { method: "GET", headers: { accept: "text/event-stream" } }));
  expect(stream.status).toBe(200);
  const second = sessionOf(await initialize(all));
  const other = await all.fetch(withSession(second, { method: "GET", headers: { accept: "text/event-stream" } }));
  const refused = await initialize(all);
  expect(refused.status).toBe(503);
  expect(refused.headers.get("retry-after")).toBe("10");
  await other.body?.cancel();
  expect((await initialize(all)).status).toBe(200);
  expect(await ping(all, first)).toBe(200);
  expect(await ping(all, second)).toBe(404);
  await stream.body?.cancel();
});

test("what is no initialization makes none", async () => {
  const all = open({ maximumSessions: 1 });
  for (let count = 0; count < 3; count += 1) {
    const wrong = { ...message("initialize", 1, { protocolVersion: 3 }) };
    expect((await all.fetch(new Request("http://localhost/mcp", wrong))).status).toBe(400);
  }
  expect((await initialize(all)).status).toBe(200);
});

test("many that are opened at the same moment are not more than there are places", async () => {
  const all = open({ maximumSessions: 2 });
  const responses = await Promise.all(Array.from({ length: 10 }, () => initialize(all)));
  const opened = responses.filter(({ status }) => status === 200).map(sessionOf);
  const alive = await Promise.all(opened.map((session) => ping(all, session)));
  expect(alive.filter((status) => status === 200).length).toBeLessThanOrEqual(2);
  expect((await initialize(all)).status).toBe(200);
});
