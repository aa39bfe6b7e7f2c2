import type { IncomingMessage, ServerResponse } from "node:http";
import { whyStranger } from "#platform/host/refuse-foreign-origin";
import { mayPass } from "./token.ts";

/** What a server accepts. */
export interface Guard {
  readonly hosts: ReadonlySet<string>;
  readonly token: string | undefined;
}

/** Rejects a request that is not allowed, with a JSON-RPC error. Returns whether it did. */
export function refuseStranger({ headers }: IncomingMessage, response: ServerResponse, guard: Guard): boolean {
  const why = whyStranger(headers, guard.hosts);
  if (why !== undefined) refuse(response, 403, why);
  else if (!mayPass(guard.token, headers.authorization)) refuse(response, 401, "a bearer token is required");
  else return false;
  return true;
}

/** The body of an error response. */
export const errorBody = (message: string) => ({ jsonrpc: "2.0", error: { code: -32_000, message }, id: null });

/** Responds with an HTTP error whose body is a JSON-RPC error. */
export function refuse(response: ServerResponse, status: number, message: string): void {
  response.writeHead(status, {
    "content-type": "application/json",
    // The unread rest of the request must not be parsed as the next request.
    connection: "close",
    ...(status === 401 ? { "www-authenticate": 'Bearer realm="kgents"' } : {}),
    ...(status === 503 ? { "retry-after": "10" } : {}),
  });
  response.end(JSON.stringify(errorBody(message)));
}
