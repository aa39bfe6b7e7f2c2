/**
 * Who may speak to the HTTP server. A web page in somebody's browser can send requests to loopback, and by rebinding a name
 * of its own to it even read the answers: so the `Host` must be one of ours, and an `Origin`, which only browsers send,
 * must be this server itself.
 *
 * @module
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { hostname, networkInterfaces } from "node:os";
import { mayPass } from "./token.ts";

const loopbackNames = ["localhost", "127.0.0.1", "[::1]"];

const inUrl = (host: string): string => (host.includes(":") && !host.startsWith("[") ? `[${host}]` : host);

/** Whether only this machine can reach what listens there. */
export const isLoopbackHost = (host: string): boolean => host === "localhost" || host === "::1" || /^127\./.test(host);

/** The names under which clients may reach a server that listens there. */
export function allowedHosts(host: string, more: readonly string[]): ReadonlySet<string> {
  const isEverywhere = host === "0.0.0.0" || host === "::";
  const own = isEverywhere
    ? [
        hostname(),
        ...Object.values(networkInterfaces())
          .flatMap((addresses) => addresses ?? [])
          .map(({ address }) => address),
      ]
    : [host];
  return new Set([...loopbackNames, ...own, ...more].map((name) => inUrl(name).toLowerCase()));
}

/** What a server lets pass. */
export interface Guard {
  readonly hosts: ReadonlySet<string>;
  readonly token: string | undefined;
}

function hostnameOf(url: string): string | undefined {
  return URL.canParse(url) ? new URL(url).hostname : undefined;
}

function refusalOf({ headers }: IncomingMessage, { hosts, token }: Guard) {
  const { host, origin, authorization } = headers;
  const name = host === undefined || /[/?#@\\]/.test(host) ? undefined : hostnameOf(`http://${host}`);
  if (name === undefined || !hosts.has(name)) return { status: 403, message: "this Host is not served here" };
  if (origin !== undefined && origin !== `http://${host}` && origin !== `https://${host}`) {
    return { status: 403, message: "this Origin may not call" };
  }
  if (!mayPass(token, authorization)) return { status: 401, message: "a bearer token is needed" };
  return undefined;
}

/** Answers a request that may not pass, as JSON-RPC has it. Returns whether it did. */
export function refuseStranger(request: IncomingMessage, response: ServerResponse, guard: Guard): boolean {
  const refusal = refusalOf(request, guard);
  if (!refusal) return false;
  refuse(response, refusal.status, refusal.message);
  return true;
}

/** The body of an answer that is no success. */
export const errorBody = (message: string) => ({ jsonrpc: "2.0", error: { code: -32_000, message }, id: null });

/** Answers with an error of HTTP whose body is one of JSON-RPC. */
export function refuse(response: ServerResponse, status: number, message: string): void {
  response.writeHead(status, {
    "content-type": "application/json",
    // What is not read of the request must not be taken for the next one.
    connection: "close",
    ...(status === 401 ? { "www-authenticate": 'Bearer realm="kgents"' } : {}),
    ...(status === 503 ? { "retry-after": "10" } : {}),
  });
  response.end(JSON.stringify(errorBody(message)));
}
