/**
 * Sessions of clients that speak the protocol of 2025: state that each of them has on the server, so they are bounded in number
 * and in time. (Of 2026-07-28 on, every request stands for itself.)
 *
 * @module
 */
import { randomUUID } from "node:crypto";
import {
  isInitializeRequest,
  type McpServer,
  WebStandardStreamableHTTPServerTransport,
} from "@modelcontextprotocol/server";
import { errorBody } from "./http-guard.ts";

/** Bounds of the sessions. */
export interface SessionBounds {
  /** @default 64 */
  readonly maximumSessions?: number;
  /** How long a session may be unused. @default 30 minutes */
  readonly idleMilliseconds?: number;
  /** The largest request in bytes. */
  readonly maximumMessageBytes: number;
}

interface Session {
  readonly transport: WebStandardStreamableHTTPServerTransport;
  /** Requests that are being answered, streams among them. */
  open: number;
  lastUsed: number;
}

/** The sessions of one server. */
export interface Sessions {
  readonly fetch: (request: Request) => Promise<Response>;
  readonly close: () => Promise<void>;
}

const answer = (status: number, message: string, headers: Record<string, string> = {}): Response =>
  Response.json(errorBody(message), { status, headers });

/** Calls back when a response has been sent, or nobody wants it any more. */
function whenSent(response: Response, done: () => void): Response {
  if (!response.body) {
    done();
    return response;
  }
  const reader = response.body.getReader();
  const body = new ReadableStream<Uint8Array>({
    pull: async (controller) => {
      try {
        const { value, done: isLast } = await reader.read();
        if (!isLast) return controller.enqueue(value);
        controller.close();
      } catch (error) {
        controller.error(error);
      }
      done();
    },
    cancel: async (reason) => {
      done();
      await reader.cancel(reason);
    },
  });
  return new Response(body, { status: response.status, headers: response.headers });
}

/** Prepares sessions; each has a server of its own. */
export function createSessions(createServer: () => McpServer, bounds: SessionBounds): Sessions {
  const { maximumSessions = 64, idleMilliseconds = 30 * 60_000, maximumMessageBytes } = bounds;
  const sessions = new Map<string, Session>();
  const idle = (): [string, Session][] =>
    [...sessions].filter(([, { open }]) => open === 0).sort(([, one], [, other]) => one.lastUsed - other.lastUsed);
  const end = async ([id, { transport }]: [string, Session]): Promise<void> => {
    sessions.delete(id);
    await transport.close();
  };
  const sweep = setInterval(
    () => {
      const before = Date.now() - idleMilliseconds;
      for (const entry of idle()) if (entry[1].lastUsed < before) void end(entry);
    },
    Math.min(60_000, idleMilliseconds),
  );

  const handle = async (session: Session, request: Request): Promise<Response> => {
    session.open += 1;
    let isOpen = true;
    const done = (): void => {
      if (isOpen) session.open -= 1;
      isOpen = false;
      session.lastUsed = Date.now();
    };
    try {
      return whenSent(await session.transport.handleRequest(request), done);
    } catch (error) {
      done();
      throw error;
    }
  };

  const begin = async (request: Request): Promise<Response> => {
    if (sessions.size >= maximumSessions) {
      const [oldest] = idle();
      if (!oldest) return answer(503, "all sessions are in use", { "retry-after": "10" });
      await end(oldest);
    }
    const transport: WebStandardStreamableHTTPServerTransport = new WebStandardStreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      maxRequestBodySize: maximumMessageBytes,
      onsessioninitialized: (id) => void sessions.set(id, session),
      onsessionclosed: (id) => void sessions.delete(id),
    });
    const session: Session = { transport, open: 0, lastUsed: Date.now() };
    await createServer().connect(transport);
    const response = await handle(session, request);
    // What was refused has made no session.
    if (transport.sessionId === undefined) await transport.close();
    return response;
  };

  return {
    fetch: async (request) => {
      const id = request.headers.get("mcp-session-id");
      if (id !== null) {
        const session = sessions.get(id);
        return session ? handle(session, request) : answer(404, "there is no such session (any more); initialize anew");
      }
      if (
        request.method === "POST" &&
        isInitializeRequest(
          await request
            .clone()
            .json()
            .catch(() => undefined),
        )
      ) {
        return begin(request);
      }
      return answer(400, "initialize first: this request names no session");
    },
    close: async () => {
      clearInterval(sweep);
      await Promise.all([...sessions].map(end));
    },
  };
}
