/**
 * A reverse proxy in front of Temporal's UI. The UI accepts any `Host`, so a web page in a local browser could read all
 * runs through it. The guard accepts only our own hosts and blocks requests from pages of other origins.
 *
 * @module
 */
import {
  Agent,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type ServerResponse,
  request as sendRequest,
} from "node:http";
import { createBoundedServer, type Listening, listenAt } from "#platform/host/bounded-http-server";
import { whyStranger } from "#platform/host/refuse-foreign-origin";

/** Timeout for the UI's response, in milliseconds. The UI waits half a minute for a worker's reply to a query. */
const silenceMilliseconds = 120_000;

/** Hop-by-hop headers, which are not forwarded. */
const hopByHop = [
  ...["connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailer", "transfer-encoding"],
  "upgrade",
];

/** The address of a guard and the UI behind it. */
export interface UiGuardOptions {
  readonly host: string;
  /** 0 for any free port. */
  readonly port: number;
  /** The address of the UI. */
  readonly target: { readonly host: string; readonly port: number };
  /** The host names that browsers may use. */
  readonly hosts: ReadonlySet<string>;
}

/**
 * Why a request is rejected; undefined if it is accepted. Browsers send the origin of each request. A page of another
 * origin may only link here. It may not embed the UI, in which a click could end a run, and not load its resources.
 */
function refusalOf(headers: IncomingHttpHeaders, hosts: ReadonlySet<string>): string | undefined {
  const { "sec-fetch-site": site, "sec-fetch-mode": mode, "sec-fetch-dest": destination } = headers;
  const isOwn = site === undefined || site === "same-origin" || site === "none";
  const isLink = mode === "navigate" && destination === "document";
  return whyStranger(headers, hosts) ?? (isOwn || isLink ? undefined : "requests from other web pages are refused");
}

const endToEnd = (headers: IncomingHttpHeaders): IncomingHttpHeaders =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => !hopByHop.includes(name)));

function refuse(response: ServerResponse, status: number, why: string): void {
  if (response.headersSent) return void response.destroy();
  response.writeHead(status, { "content-type": "text/plain; charset=utf-8", connection: "close" });
  response.end(`${why}\n`);
}

/**
 * Starts the guard.
 *
 * @throws Error if it cannot listen there
 */
export async function startUiGuard({ host, port, target, hosts }: UiGuardOptions): Promise<Listening> {
  const agent = new Agent({ keepAlive: true, maxSockets: 64 });
  const pass = (request: IncomingMessage, response: ServerResponse): void => {
    const { method, url, headers } = request;
    // Accept paths only. An absolute URL is a request to a forward proxy.
    if (!url?.startsWith("/")) {
      refuse(response, 400, "a path is required");
      return;
    }
    const onward = sendRequest({
      host: target.host,
      port: target.port,
      agent,
      method,
      path: url,
      headers: endToEnd(headers),
      timeout: silenceMilliseconds,
    });
    onward.once("response", (answer) => {
      response.writeHead(answer.statusCode ?? 502, endToEnd(answer.headers));
      answer.pipe(response);
      answer.once("error", () => response.destroy());
    });
    onward.once("timeout", () => onward.destroy());
    onward.once("error", () => refuse(response, 502, "Temporal's UI does not respond"));
    response.once("close", () => onward.destroy());
    request.pipe(onward);
  };
  const server = createBoundedServer((request, response) => {
    const why = refusalOf(request.headers, hosts);
    if (why === undefined) pass(request, response);
    else refuse(response, 403, why);
  });
  const listening = await listenAt(server, { host, port });
  return {
    port: listening.port,
    close: async () => {
      await listening.close();
      agent.destroy();
    },
  };
}
