/** What docs/mcp.md tells to write into the configuration of clients: JSON, and what it starts or asks for. */
import { readFile } from "node:fs/promises";
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import type { CommandLine } from "../support/command-line.ts";
import { kgentsEntry } from "../support/worker-process.ts";
import { openTerminal, startHttp } from "./support.ts";

interface ServerEntry {
  command?: string;
  args?: string[];
  type?: string;
  url?: string;
  headers?: Record<string, string>;
}

const page = await readFile(new URL("../../docs/mcp.md", import.meta.url), "utf8");
const entries = [...page.matchAll(/```json\n(.*?)```/gs)].map(([, block = ""]): ServerEntry => {
  const { mcpServers, servers = mcpServers } = JSON.parse(block);
  return servers.kgents;
});

let terminal: CommandLine;
beforeAll(async () => {
  terminal = await openTerminal(inject("temporalBinary"));
});
afterAll(() => terminal[Symbol.asyncDispose]());

test("there is one for each client, both ways", () => {
  expect(entries.map(({ url }) => (url === undefined ? "stdio" : "http"))).toEqual([
    ...["stdio", "stdio", "stdio", "stdio"],
    ...["http", "http", "http"],
  ]);
});

test.each(entries.filter(({ command }) => command))("$command $args", async ({ command, args = [] }) => {
  expect([command, ...args.slice(0, 2)]).toEqual(["npx", "-y", "kgents"]);
  const client = new Client({ name: "docs", version: "1.0.0" });
  const env = { PATH: process.env.PATH ?? "" };
  await client.connect(
    new StdioClientTransport({
      command: process.execPath,
      args: [kgentsEntry, ...args.slice(2)],
      env,
      stderr: "ignore",
    }),
  );
  expect((await client.listTools()).tools).toHaveLength(7);
  await client.close();
});

test("the ones for HTTP show the token as the server wants it", async () => {
  const token = "0123456789abcdef";
  await using server = await startHttp(terminal, [], { KGENTS_MCP_TOKEN: token });
  for (const { url = "", headers = {} } of entries.filter((entry) => entry.url)) {
    expect(new URL(url).pathname).toBe(server.url.pathname);
    const shown = Object.entries(headers).map(([name, value]) => [name, value.replace(/\$\{.*\}/, token)]);
    const client = new Client({ name: "docs", version: "1.0.0" });
    const requestInit = { headers: Object.fromEntries(shown) };
    await client.connect(new StreamableHTTPClientTransport(server.url, { requestInit }));
    expect((await client.listTools()).tools).toHaveLength(7);
    await client.close();
  }
});
