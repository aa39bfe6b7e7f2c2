/**
 * Protects our HTTP servers from web pages in a local browser. A page can send requests to loopback, and with DNS
 * rebinding it can read the answers. The `Host` must therefore be one of ours, and an `Origin`, which only browsers
 * send, must be this server itself.
 *
 * @module
 */
import type { IncomingHttpHeaders } from "node:http";
import { hostname, networkInterfaces } from "node:os";

const loopbackNames = ["localhost", "127.0.0.1", "[::1]"];

const inUrl = (host: string): string => (host.includes(":") && !host.startsWith("[") ? `[${host}]` : host);

/** The host names under which clients may reach a server that listens on `host`. */
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

/** Why a request is rejected by its `Host` and `Origin`; undefined if it is accepted. */
export function whyStranger({ host, origin }: IncomingHttpHeaders, hosts: ReadonlySet<string>): string | undefined {
  const name = host === undefined || /[/?#@\\]/.test(host) ? undefined : hostnameOf(`http://${host}`);
  if (name === undefined || !hosts.has(name)) return "this Host is not served here";
  if (origin !== undefined && origin !== `http://${host}` && origin !== `https://${host}`) {
    return "this Origin may not call";
  }
  return undefined;
}
