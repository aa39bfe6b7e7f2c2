/**
 * What stands before Temporal's UI. The UI answers whoever asks, under any name, so a web page in somebody's browser could read all runs
 * through it. Here the name must be one of ours, and what a page of another origin sends does not pass.
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
import { whyStranger } from "#platform/host/http-strangers";

/** How long the UI may be silent: it waits half a minute for a worker's answer to a query. */
const silenceMilliseconds = 120_000;

/** Headers that concern one connection only. */
const hopByHop = [
  ...["connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailer", "transfer-encoding"],
  "upgrade",
];

/** Where a guard listens, and what it stands before. */
export interface UiGuardOptions {
  readonly host: string;
  /** 0 for any that is free. */
  readonly port: number;
  /** Where the UI listens. */
  readonly target: { readonly host: string; readonly port: number };
  /** The names under which browsers may reach it. */
  readonly hosts: ReadonlySet<string>;
}

/**
 * Why a request may not pass. A browser says of each request where it comes from; a page elsewhere may lead here by a link, and nothing
 * else: not embed the UI, in which a click may end a run, and not load anything of it.
 */
function refusalOf(headers: IncomingHttpHeaders, hosts: ReadonlySet<string>): string | undefined {
  const { "sec-fetch-site": site, "sec-fetch-mode": mode, "sec-fetch-dest": destination } = headers;
  const isOwn = site === undefined || site === "same-origin" || site === "none";
  const isLink = mode === "navigate" && destination === "document";
  return whyStranger(headers, hosts) ?? (isOwn || isLink ? undefined : "another page may not use this");
}

const endToEnd = (headers: IncomingHttpHeaders): IncomingHttpHeaders =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => !hopByHop.includes(name)));

function refuse(response: ServerResponse, status: number, why: string): void {
  if (response.headersSent) return void response.destroy();
  response.writeHead(status, { "content-type": "text/plain; charset=utf-8", connection: "close" });
  response.end(`${why}\n`);
}

/**
 * Begins to guard.
 *
 * @throws Error where it cannot listen there
 */
export async function startUiGuard({ host, port, target, hosts }: UiGuardOptions): Promise<Listening> {
  const agent = new Agent({ keepAlive: true, maxSockets: 64 });
  const pass = (request: IncomingMessage, response: ServerResponse): void => {
    const { method, url, headers } = request;
    // A path, as browsers send it: an absolute URL would be a request to a proxy.
    if (!url?.startsWith("/")) {
      refuse(response, 400, "a path is needed");
      return;
    }
    const onward = sendRequest({
      ...{ host: target.host, port: target.port, agent, method, path: url, headers: endToEnd(headers) },
      timeout: silenceMilliseconds,
    });
    onward.once("response", (answer) => {
      response.writeHead(answer.statusCode ?? 502, endToEnd(answer.headers));
      answer.pipe(response);
      answer.once("error", () => response.destroy());
    });
    onward.once("timeout", () => onward.destroy());
    onward.once("error", () => refuse(response, 502, "Temporal's UI does not answer"));
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
