/**
 * Sessions of clients that use the 2025 versions of the protocol. Each session is state on the server, so their number
 * and lifetime are bounded. From version 2026-07-28 on, requests are stateless.
 *
 * @module
 */
import { randomUUID } from "node:crypto";
import {
  isInitializeRequest,
  type McpServer,
  WebStandardStreamableHTTPServerTransport,
} from "@modelcontextprotocol/server";
import { acceptedBy } from "./accept.ts";
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
  /** Whether its client accepts no event stream, and so gets no progress messages. */
  readonly jsonOnly: boolean;
  /** Requests in progress, including open streams. */
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

/** Calls back when a response has been sent or its reader has cancelled it. */
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

/** The SDK requires both types literally. This replaces equivalent headers, such as one with wildcards. */
const acceptAll = "application/json, text/event-stream";

/** The response to a client that does not accept the kind of answer this request gets; undefined if it does. */
function refuseAccept(request: Request, jsonOnly: boolean): Response | undefined {
  const { json, events } = acceptedBy(request.headers.get("accept"));
  if (jsonOnly ? json : events) {
    request.headers.set("accept", acceptAll);
    return undefined;
  }
  return answer(406, `Accept: the response is ${jsonOnly ? "application/json" : "text/event-stream"}`);
}

/** Handles a request of a session, which is in use until the response has been sent. */
async function handle(session: Session, request: Request): Promise<Response> {
  const refusal = refuseAccept(request, session.jsonOnly && request.method !== "GET");
  if (refusal) return refusal;
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
}

/** Whether a request without a session id begins a session. */
async function isInitialization(request: Request): Promise<boolean> {
  if (request.method !== "POST") return false;
  const copy = request.clone();
  return isInitializeRequest(await copy.json().catch(() => undefined));
}

/** Called when a new session has its id, and when its client has ended it. */
interface SessionEvents {
  readonly opened: (id: string, session: Session) => void;
  readonly closed: (id: string) => void;
}

/** Creates a session for the request that begins it. It is `opened` when the request has been accepted. */
function createSession(request: Request, maximumMessageBytes: number, events: SessionEvents): Session {
  const { json, events: acceptsEvents } = acceptedBy(request.headers.get("accept"));
  const jsonOnly = json && !acceptsEvents;
  const transport: WebStandardStreamableHTTPServerTransport = new WebStandardStreamableHTTPServerTransport({
    sessionIdGenerator: randomUUID,
    enableJsonResponse: jsonOnly,
    maxRequestBodySize: maximumMessageBytes,
    onsessioninitialized: (id) => events.opened(id, session),
    onsessionclosed: events.closed,
  });
  const session: Session = { transport, jsonOnly, open: 0, lastUsed: Date.now() };
  return session;
}

/**
 * Creates the sessions; each has a server of its own.
 *
 * @param report called with errors from ending a session
 */
export function createSessions(
  createServer: () => McpServer,
  bounds: SessionBounds,
  report: (error: Error) => void,
): Sessions {
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
      for (const entry of idle()) if (entry[1].lastUsed < before) end(entry).catch(report);
    },
    Math.min(60_000, idleMilliseconds),
  );

  /** Sessions being opened. They count as sessions, since many clients may connect at once. */
  let opening = 0;
  const begin = async (request: Request): Promise<Response> => {
    opening += 1;
    let isOpening = true;
    const opened = (): void => {
      if (isOpening) opening -= 1;
      isOpening = false;
    };
    try {
      if (sessions.size + opening > maximumSessions) {
        const [oldest] = idle();
        if (!oldest) return answer(503, "all sessions are in use", { "retry-after": "10" });
        await end(oldest);
      }
      const session = createSession(request, maximumMessageBytes, {
        opened: (id, made) => {
          sessions.set(id, made);
          opened();
        },
        closed: (id) => void sessions.delete(id),
      });
      const { transport } = session;
      await createServer().connect(transport);
      const response = await handle(session, request);
      // A rejected request creates no session, so nothing else closes its transport.
      if (transport.sessionId === undefined) await transport.close();
      return response;
    } finally {
      opened();
    }
  };

  return {
    fetch: async (request) => {
      const id = request.headers.get("mcp-session-id");
      if (id !== null) {
        const session = sessions.get(id);
        return session ? handle(session, request) : answer(404, "unknown or expired session; initialize again");
      }
      if (await isInitialization(request)) return begin(request);
      return answer(400, "initialize first: this request has no session id");
    },
    close: async () => {
      clearInterval(sweep);
      await Promise.all([...sessions].map(end));
    },
  };
}
