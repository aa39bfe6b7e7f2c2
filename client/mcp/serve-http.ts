import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { toNodeHandler } from "@modelcontextprotocol/node";
import { createMcpHandler, isLegacyRequest, type McpServer } from "@modelcontextprotocol/server";
import { KgentsError } from "#core/contract/error";
import { messageOf } from "#core/text/message-of";
import { createBoundedServer, type HttpBounds } from "#platform/host/bounded-http-server";
import { type Guard, refuse, refuseStranger } from "./http-guard.ts";
import { createSessions } from "./http-sessions.ts";
import { createRequestBodies } from "./request-bodies.ts";
import { maximumMessageBytes, type Serving } from "./serve-stdio.ts";

/** How long responses may still be sent after the server was told to stop. */
const farewellMilliseconds = 2000;

/** The only path that is served. */
export const mcpPath = "/mcp";

/** Where an HTTP server listens, and which requests it accepts. */
export interface HttpOptions extends Guard {
  readonly host: string;
  /** 0 for any free port. */
  readonly port: number;
  /** Limits of connections and bodies. */
  readonly bounds?: HttpBounds & { readonly totalBytes?: number };
}

/** Handles requests of the 2025 versions of the protocol in sessions, and those of later versions without state. */
function handleProtocol(createServer: () => McpServer, report: (error: Error) => void) {
  const sessions = createSessions(createServer, { maximumMessageBytes }, report);
  const modern = createMcpHandler(createServer, {
    legacy: "reject",
    maxRequestBodySize: maximumMessageBytes,
    onerror: report,
  });
  const handler = toNodeHandler(
    {
      fetch: async (request, given) =>
        (await isLegacyRequest(request, undefined, { maxRequestBodySize: maximumMessageBytes }))
          ? sessions.fetch(request)
          : modern.fetch(request, given),
    },
    { onerror: report, maxRequestBodySize: maximumMessageBytes },
  );
  return { handler, endSessions: sessions.close, endRequests: () => modern.close() };
}

/**
 * Serves MCP over Streamable HTTP.
 *
 * @param report called with errors of a request
 * @throws KgentsError `stack-start` if it cannot listen there
 */
export async function serveOnHttp(
  createServer: () => McpServer,
  options: HttpOptions,
  report: (error: Error) => void,
): Promise<Serving & { readonly url: string }> {
  const { bounds = {} } = options;
  const protocol = handleProtocol(createServer, report);
  const bodies = createRequestBodies({ maximumBytes: maximumMessageBytes, ...bounds });
  /** Responses in progress. Event streams that a client merely holds open are not included. */
  const answers = new Set<Promise<void>>();
  const answerTo = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { method = "", url = "", headers } = request;
    const body = await bodies.read(request, response);
    if ("status" in body) return refuse(response, body.status, body.message);
    const content = async function* () {
      yield body.bytes;
    };
    const answer = protocol.handler({ method, url, headers, [Symbol.asyncIterator]: content }, response);
    if (method === "POST") answers.add(answer);
    try {
      await answer;
    } finally {
      answers.delete(answer);
    }
  };
  const server = createBoundedServer(async (request, response) => {
    if (refuseStranger(request, response, options)) return;
    if (request.url?.split("?")[0] !== mcpPath) return refuse(response, 404, `MCP is served at ${mcpPath}`);
    try {
      await answerTo(request, response);
    } catch (error) {
      report(error instanceof Error ? error : new Error(String(error)));
      response.destroy();
    }
  }, bounds);
  server.listen(options.port, options.host);
  const ended = new Promise<void>((resolve) => server.once("close", resolve));
  try {
    await once(server, "listening");
  } catch (error) {
    await protocol.endSessions();
    throw cannotListen(options, error);
  }
  const { address, family, port } = server.address() as AddressInfo;
  return {
    url: `http://${family === "IPv6" ? `[${address}]` : address}:${port}${mcpPath}`,
    ended,
    close: async () => {
      server.close();
      const given = AbortSignal.timeout(farewellMilliseconds);
      await Promise.race([Promise.allSettled(answers), once(given, "abort")]);
      await Promise.all([protocol.endSessions(), protocol.endRequests()]);
      server.closeAllConnections();
      await ended;
    },
  };
}

function cannotListen({ host, port }: HttpOptions, error: unknown): KgentsError {
  const why = messageOf(error);
  return new KgentsError("stack-start", `cannot listen at ${host}, port ${port}: ${why}`, {
    cause: error,
    remedy: "Choose another --http port or --host.",
  });
}
