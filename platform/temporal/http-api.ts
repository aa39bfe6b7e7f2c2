/**
 * Calls to the HTTP API of a Temporal server on this machine: https://docs.temporal.io, "HTTP API". Its messages are
 * those of gRPC as JSON. Loading gRPC takes longer than most commands.
 *
 * @module
 */
import type { IncomingMessage } from "node:http";
import { text } from "node:stream/consumers";
import { messageOf } from "#core/text/message-of";
import { grpcStatus } from "./grpc-status.ts";

/** An import of this module also loads fetch and WebSocket, which takes longer than all calls of a run. */
const { Agent, request } = process.getBuiltinModule("node:http");

/** Where a server serves its HTTP API. */
export interface HttpDoor {
  /** `host:port` */
  readonly address: string;
  /** The only `Host` that it accepts. */
  readonly host: string;
}

/**
 * There was no answer of the API: no connection, a broken one, another program at that port, or a status that gRPC's
 * clients retry. Whether the server has carried out the call is not known.
 */
export class HttpApiUnreachable extends Error {}
HttpApiUnreachable.prototype.name = "HttpApiUnreachable";

/** A status other than OK. */
export class HttpApiStatus extends Error {
  /** @see grpcStatus */
  readonly code: number;
  readonly details: readonly HttpApiDetail[];
  constructor(message: string, code: number, details: readonly HttpApiDetail[] = []) {
    super(message);
    this.code = code;
    this.details = details;
  }
}
HttpApiStatus.prototype.name = "HttpApiStatus";

/** Details of a status: a message of any type. */
export interface HttpApiDetail {
  readonly "@type"?: string;
  readonly namespace?: string;
}

/** A call. */
export interface HttpCall {
  readonly method: "GET" | "POST";
  /** The parts of the path after `/api/v1`, not encoded. */
  readonly path: readonly string[];
  readonly query?: Readonly<Record<string, string | undefined>>;
  readonly body?: unknown;
  readonly milliseconds: number;
}

export interface HttpApi {
  /**
   * @throws HttpApiStatus, HttpApiUnreachable
   */
  readonly call: <Answer>(call: HttpCall) => Promise<Answer>;
  /** Ends pending calls with the status `cancelled`. */
  readonly close: () => void;
}

/** JSON without the shorthand for payloads, which hides how they are encoded. */
const json = "application/json+no-payload-shorthand";

/** Statuses that the SDK retries by gRPC: unknown, exhausted, aborted, out of range, unavailable, lost data. */
const retried: readonly number[] = [2, 8, 10, 11, 14, 15];

/** How much longer to wait for the answer than the server does, in milliseconds. */
const graceMilliseconds = 1000;

/** Whether a string can be a part of a path. The server decodes `%2F` before it splits the path. */
export const isPathPart = (part: string): boolean =>
  part !== "" && part !== "." && part !== ".." && !part.includes("/");

function pathOf({ path, query = {} }: HttpCall): string {
  const given = Object.entries(query).filter((entry): entry is [string, string] => entry[1] !== undefined);
  const parameters = given.length === 0 ? "" : `?${new URLSearchParams(given)}`;
  return `/api/v1/${path.map(encodeURIComponent).join("/")}${parameters}`;
}

interface Answered {
  readonly ok: boolean;
  readonly body: string;
}

function answerOf<Answer>({ ok, body }: Answered): Answer {
  let answer: (Answer & { code?: unknown; message?: unknown; details?: HttpApiDetail[] }) | null;
  try {
    answer = JSON.parse(body);
  } catch (error) {
    throw new HttpApiUnreachable("the answer is not of Temporal's HTTP API", { cause: error });
  }
  if (ok && answer !== null) return answer;
  const code = Number(answer?.code);
  const message = String(answer?.message);
  if (!Number.isInteger(code) || retried.includes(code) || message === "Host not allowed") {
    throw new HttpApiUnreachable(message);
  }
  throw new HttpApiStatus(message, code, answer?.details);
}

/** Opens the HTTP API. Connects on the first call, and not through a proxy. */
export function openHttpApi({ address, host }: HttpDoor): HttpApi {
  const { hostname, port } = new URL(`http://${address}`);
  const agent = new Agent({ keepAlive: true });
  const closing = new AbortController();
  const send = (call: HttpCall, signal: AbortSignal): Promise<Answered> => {
    const body = call.body === undefined ? undefined : Buffer.from(JSON.stringify(call.body));
    const headers = {
      host,
      accept: json,
      "grpc-timeout": `${call.milliseconds}m`,
      ...(body && { "content-type": json, "content-length": body.length }),
    };
    return new Promise((resolve, reject) => {
      const sent = request({ hostname, port, agent, headers, signal, method: call.method, path: pathOf(call) });
      sent.once("error", reject);
      sent.once("response", (response: IncomingMessage) => {
        text(response).then((answer) => resolve({ ok: response.statusCode === 200, body: answer }), reject);
      });
      sent.end(body);
    });
  };
  return {
    call: async <Answer>(call: HttpCall): Promise<Answer> => {
      const late = AbortSignal.timeout(call.milliseconds + graceMilliseconds);
      const answered = await send(call, AbortSignal.any([closing.signal, late])).catch((error) => {
        if (closing.signal.aborted) throw new HttpApiStatus("the connection was closed", grpcStatus.cancelled);
        if (late.aborted) throw new HttpApiStatus("no answer in time", grpcStatus.deadlineExceeded);
        throw new HttpApiUnreachable(messageOf(error), { cause: error });
      });
      return answerOf<Answer>(answered);
    },
    close: () => {
      closing.abort();
      agent.destroy();
    },
  };
}
