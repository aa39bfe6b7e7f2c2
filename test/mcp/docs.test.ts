/** The client configurations of docs/mcp.md: they are valid JSON, and their commands and URLs work. */
import { readFile } from "node:fs/promises";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
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

const clone = fileURLToPath(new URL("../../", import.meta.url));
const page = await readFile(join(clone, "docs/mcp.md"), "utf8");
const readme = await readFile(join(clone, "README.md"), "utf8");
const entriesOf = (text: string): ServerEntry[] =>
  [...text.matchAll(/```json\n(.*?)```/gs)].map(([, block = ""]) => {
    const { mcpServers, servers = mcpServers } = JSON.parse(block);
    return servers.kgents;
  });
const entries = entriesOf(page);
/** The commands that add a stdio server to Claude Code. */
const commands = [...`${page}\n${readme}`.matchAll(/^claude mcp add kgents -- .*$/gm)].map(([line]) => line);

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

/** Starts a server like a client with that configuration. */
async function expectTools(command: string, args: string[]): Promise<void> {
  const client = new Client({ name: "docs", version: "1.0.0" });
  const env = { PATH: `${dirname(process.execPath)}${delimiter}${process.env.PATH}` };
  await client.connect(new StdioClientTransport({ command, args, env, cwd: terminal.directory, stderr: "ignore" }));
  expect((await client.listTools()).tools).toHaveLength(10);
  await client.close();
}

/** The printed commands work once the clone's path is filled in; each command once. */
const printed = [...entries, ...entriesOf(readme)]
  .filter(({ command }) => command)
  .map((entry) => JSON.stringify(entry));
test.each([...new Set(printed)])("%s", async (entry) => {
  const { command, args }: ServerEntry = JSON.parse(entry.replaceAll("/path/to/kgents/", clone));
  await expectTools(command ?? "", args ?? []);
});

test("the commands for Claude Code give an absolute command, run in the clone", async () => {
  expect(commands).toHaveLength(2);
  const directory = await claudeThatPrints();
  for (const line of commands) {
    const { stdout } = await terminal.program("bash", ["-c", line], {
      directory: clone,
      environment: { PATH: `${directory}${delimiter}${process.env.PATH}` },
    });
    const [, , , , ...words] = stdout.split("\0").slice(0, -1);
    expect(words).toEqual(["node", kgentsEntry, "mcp"]);
  }
});

test("`kgents mcp --help` prints the command of this very clone", async () => {
  const { stdout } = await terminal.run(["mcp", "--help"]);
  expect(stdout).toContain(`$ claude mcp add kgents -- ${process.execPath} ${kgentsEntry} mcp\n`);
});

/** The directory of a `claude` program that prints its arguments. */
async function claudeThatPrints(): Promise<string> {
  const program = await terminal.file("claude/claude", '#!/bin/sh\nprintf "%s\\0" "$@"\n');
  await terminal.program("chmod", ["+x", program]);
  return dirname(program);
}

test("the ones for HTTP show the token as the server wants it", async () => {
  const token = "0123456789abcdef";
  await using server = await startHttp(terminal, [], { KGENTS_MCP_TOKEN: token });
  for (const { url = "", headers = {} } of entries.filter((entry) => entry.url)) {
    expect(new URL(url).pathname).toBe(server.url.pathname);
    const shown = Object.entries(headers).map(([name, value]) => [name, value.replace(/\$\{.*\}/, token)]);
    const client = new Client({ name: "docs", version: "1.0.0" });
    const requestInit = { headers: Object.fromEntries(shown) };
    await client.connect(new StreamableHTTPClientTransport(server.url, { requestInit }));
    expect((await client.listTools()).tools).toHaveLength(10);
    await client.close();
  }
});
