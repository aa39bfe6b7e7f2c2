/**
 * Who may speak to our HTTP servers. A web page in somebody's browser can send requests to loopback, and by rebinding a name of its own to
 * it even read the answers: so the `Host` must be one of ours, and an `Origin`, which only browsers send, must be this server itself.
 *
 * @module
 */
import type { IncomingHttpHeaders } from "node:http";
import { hostname, networkInterfaces } from "node:os";

const loopbackNames = ["localhost", "127.0.0.1", "[::1]"];

const inUrl = (host: string): string => (host.includes(":") && !host.startsWith("[") ? `[${host}]` : host);

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

function hostnameOf(url: string): string | undefined {
  return URL.canParse(url) ? new URL(url).hostname : undefined;
}

/** Why a request may not pass, by its `Host` and `Origin`; undefined where it may. */
export function whyStranger({ host, origin }: IncomingHttpHeaders, hosts: ReadonlySet<string>): string | undefined {
  const name = host === undefined || /[/?#@\\]/.test(host) ? undefined : hostnameOf(`http://${host}`);
  if (name === undefined || !hosts.has(name)) return "this Host is not served here";
  if (origin !== undefined && origin !== `http://${host}` && origin !== `https://${host}`) {
    return "this Origin may not call";
  }
  return undefined;
}
