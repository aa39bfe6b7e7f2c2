/** Clients of the official SDK on a real `kgents mcp` with its own stack. */
import { type CallToolResult, Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { type CommandLine, createCommandLine, type Running } from "../support/command-line.ts";
import { kgentsEntry } from "../support/worker-process.ts";

/** The protocol versions: 2025 with sessions, and 2026-07-28 with stateless requests. */
export const eras = ["2025", "2026"] as const;
export type Era = (typeof eras)[number];

/** A connected client. */
export interface Agent extends AsyncDisposable {
  readonly client: Client;
  readonly call: (name: string, input?: Record<string, unknown>, options?: CallOptions) => Promise<CallToolResult>;
  /** The server's stderr up to now; only for stdio. */
  readonly stderr: () => string;
  readonly pid: number | null;
}

type CallOptions = Parameters<Client["callTool"]>[1];

/** Long, because other tests share the machine. */
const patience = 120_000;

const createClient = (era: Era, name = "test-agent"): Client =>
  new Client(
    { name, version: "1.0.0" },
    { versionNegotiation: { mode: era === "2025" ? "legacy" : { pin: "2026-07-28" } } },
  );

const agentOf = (client: Client, more: Pick<Agent, "stderr" | "pid">): Agent => ({
  client,
  ...more,
  call: async (name, input = {}, options = {}) =>
    (await client.callTool({ name, arguments: input }, { timeout: patience, ...options })) as CallToolResult,
  [Symbol.asyncDispose]: () => client.close(),
});

/** Directories and a port for the stack that the servers start. */
export const openTerminal = (temporalBinary: string): Promise<CommandLine> =>
  createCommandLine({ environment: { KGENTS_TEMPORAL_CLI: temporalBinary } });

/** A client that starts `kgents mcp` and is connected to it by stdio. */
export async function connectByStdio(terminal: CommandLine, era: Era = "2026", name?: string): Promise<Agent> {
  const env = Object.fromEntries(
    Object.entries(terminal.environment).flatMap(([key, value]) => (value === undefined ? [] : [[key, value]])),
  );
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: [kgentsEntry, "mcp"],
    env,
    cwd: terminal.directory,
    stderr: "pipe",
  });
  const chunks: Buffer[] = [];
  transport.stderr?.on("data", (chunk: Buffer) => chunks.push(chunk));
  const client = createClient(era, name);
  await client.connect(transport);
  return agentOf(client, { stderr: () => Buffer.concat(chunks).toString("utf8"), pid: transport.pid });
}

/** A listening `kgents mcp --http`. */
export interface HttpServer extends AsyncDisposable {
  readonly running: Running;
  readonly url: URL;
}

/** Starts `kgents mcp --http` on its own port. */
export async function startHttp(
  terminal: CommandLine,
  args: readonly string[] = [],
  environment: NodeJS.ProcessEnv = {},
): Promise<HttpServer> {
  const running = terminal.start(["mcp", "--http", "0", ...args], { environment });
  await running.says("stderr", "MCP at ");
  const [, address = ""] = /MCP at (\S+?)(?:,|\n|$)/.exec(running.stderr()) ?? [];
  return {
    running,
    url: new URL(address),
    [Symbol.asyncDispose]: async () => {
      running.child.kill("SIGTERM");
      const { code, stderr } = await running.ended;
      if (code !== 0) throw new Error(`kgents mcp ended with ${code}\n${stderr}`);
    },
  };
}

/** A client that is connected to a server by HTTP. */
export async function connectByHttp(url: URL, era: Era = "2026", headers: Record<string, string> = {}): Promise<Agent> {
  const client = createClient(era);
  await client.connect(new StreamableHTTPClientTransport(url, { requestInit: { headers } }));
  return agentOf(client, { stderr: () => "", pid: null });
}

/** All text of an answer. */
export const textOf = ({ content }: CallToolResult): string =>
  content.map((block) => (block.type === "text" ? block.text : "")).join("\n");
