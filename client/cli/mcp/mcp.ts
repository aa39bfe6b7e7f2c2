import { Console } from "node:console";
import { interruptedExitCode } from "#core/contract/command-exit-code";
import { KgentsError } from "#core/contract/error";
import { isLoopback } from "#core/text/loopback";
import { onEndingSignal } from "#platform/host/ending-signals";
import { packageVersion } from "#platform/host/package-files";
import { allowedHosts } from "#platform/host/refuse-foreign-origin";
import { createCalls } from "../../mcp/calls.ts";
import { serveOnHttp } from "../../mcp/serve-http.ts";
import { type Serving, serveOnStdio } from "../../mcp/serve-stdio.ts";
import { createMcpServer } from "../../mcp/server.ts";
import { createStack } from "../../mcp/stack.ts";
import { readToken } from "../../mcp/token.ts";
import type { ToolContext } from "../../mcp/tool.ts";
import { beforeLosingOutput } from "../terminal/lost-output.ts";
import { complain } from "../terminal/print.ts";
import { reportError } from "../terminal/reporter.ts";
import type { McpFlags } from "./mcp-command.ts";

/** Runs `kgents mcp` until the client disconnects or a signal arrives. */
export async function mcp(flags: McpFlags): Promise<number> {
  // Standard output carries the protocol. Console output of a library must not corrupt it.
  globalThis.console = new Console(process.stderr);
  const say = (line: string): void => void (flags.quiet || complain(line));
  const calls = createCalls();
  const configurationFile = flags.config;
  const stack = createStack({ onProgress: say, ...(configurationFile === undefined ? {} : { configurationFile }) });
  const toolContext: ToolContext = { stack, calls, configurationFile };
  try {
    const own = packageVersion;
    const createServer = () => createMcpServer(toolContext, own);
    const report = (error: Error): void => say(`MCP: ${error.message}`);
    const serving = await serve(flags, createServer, report, say);
    const end = endOnSignal(calls, serving, say);
    beforeLosingOutput(async () => {
      await calls.end();
      return "the runs that the client waited for are cancelled";
    });
    await serving.ended;
    // The client has disconnected: cancel its calls and wait for their cleanup.
    await calls.end();
    end.stop();
    return 0;
  } catch (error) {
    return reportError(error, { json: false });
  } finally {
    await stack.close();
  }
}

async function serve(
  flags: McpFlags,
  createServer: Parameters<typeof serveOnStdio>[0],
  report: (error: Error) => void,
  say: (line: string) => void,
): Promise<Serving> {
  const { http: port, host } = flags;
  if (port === undefined) return serveOnStdio(createServer, report);
  const token = await readToken(flags.tokenFile, process.env);
  if (token === undefined && !isLoopback(host)) {
    throw new KgentsError(
      "invalid-request",
      `--host: ${host} is reachable from other machines, and there is no token`,
      {
        field: "--host",
        remedy: "Pass --token-file FILE, set KGENTS_MCP_TOKEN, or listen on 127.0.0.1.",
      },
    );
  }
  const hosts = allowedHosts(host, flags.allowHost ?? []);
  const serving = await serveOnHttp(createServer, { host, port, hosts, token }, report);
  say(`MCP at ${serving.url}${token === undefined ? "" : ", with a bearer token"}`);
  return serving;
}

/** The first signal cancels running calls and waits for their cleanup; the second exits at once. */
function endOnSignal(
  calls: ReturnType<typeof createCalls>,
  serving: Serving,
  say: (line: string) => void,
): { stop: () => void } {
  let asked = false;
  const onSignal = async (): Promise<void> => {
    if (asked) process.exit(interruptedExitCode);
    asked = true;
    say("stopping; a second time exits at once");
    await calls.end();
    await serving.close();
  };
  const listen = (): void => void onSignal();
  return { stop: onEndingSignal(listen) };
}
