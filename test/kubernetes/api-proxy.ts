/**
 * A proxy for the cluster's API server. It counts the requests of its one client, which the server's metrics do not
 * separate from those of other clients. It can also hold a request, to keep a run in a transient state.
 *
 * @module
 */
import { once } from "node:events";
import { rm, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { type RequestOptions, request } from "node:https";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { text } from "node:stream/consumers";
import { KubeConfig, type User } from "@kubernetes/client-node";
import { cluster } from "./support.ts";

export interface ApiProxy extends AsyncDisposable {
  /** The path of a kubeconfig for the proxy. */
  readonly kubeconfig: string;
  /** The number of requests of each kind, such as `create jobs` or `exec pods`. */
  readonly counts: () => Readonly<Record<string, number>>;
  /** The maximum number of concurrent watches. */
  readonly mostWatches: () => number;
  /** Closes the open watches in order, like an API server does after some minutes. */
  readonly endWatches: () => void;
  /** Stops all data on the open watches but keeps them open, like a dead connection. */
  readonly freezeWatches: () => void;
  /** Closes all connections and refuses new ones, like an API server that is stopped, until the returned call. */
  readonly goAway: () => Promise<() => Promise<void>>;
  /** Resolves when the first request to hold has arrived. It is never forwarded. */
  readonly held: Promise<void>;
}

const verbs: Readonly<Record<string, string>> = { POST: "create", DELETE: "delete", PATCH: "patch", PUT: "update" };

/** The verb and resource of a request, as in RBAC. */
function kindOf(method: string, target: string): string {
  const { pathname, searchParams } = new URL(target, "http://localhost");
  const [, resource, name, subresource] =
    /^\/apis?\/(?:[^/]+\/)?v[^/]+\/namespaces\/[^/]+\/([^/]+)(?:\/([^/]+))?(?:\/([^/]+))?$/.exec(pathname) ?? [];
  if (resource === undefined) return `${method} ${pathname}`;
  if (subresource !== undefined) return `${subresource} ${resource}`;
  if (searchParams.get("watch") === "true") return `watch ${resource}`;
  return `${verbs[method] ?? (name === undefined ? "list" : "get")} ${resource}`;
}

/**
 * Starts a proxy.
 *
 * @param kubeconfig the path to write its kubeconfig to
 * @param holds which requests to hold, by their kind and by the program that they run in a cell
 * @param options.user a user for the kubeconfig, such as one with a credential plugin; the server still treats it as an
 *   administrator. @default none
 * @param options.withoutKinds kinds to hide, like an older server
 */
export async function apiProxy(
  kubeconfig: string,
  holds: (kind: string, program: string) => boolean = () => false,
  { user = {}, withoutKinds = [] }: { user?: Omit<User, "name">; withoutKinds?: readonly string[] } = {},
): Promise<ApiProxy> {
  const config = new KubeConfig();
  config.loadFromFile(cluster.kubeconfig);
  const { hostname, port } = new URL(config.getCurrentCluster()?.server ?? "");
  const counts: Record<string, number> = {};
  const watches = new Map<ServerResponse, IncomingMessage | undefined>();
  let mostWatches = 0;
  const held = Promise.withResolvers<void>();

  const passOn = async ({ method = "GET", url = "/", headers: { authorization: _, ...headers } }: IncomingMessage) => {
    const options: RequestOptions = { hostname, port, method, path: url, headers };
    await config.applyToHTTPSOptions(options);
    const kind = kindOf(method, url);
    counts[kind] = (counts[kind] ?? 0) + 1;
    if (holds(kind, new URL(url, "http://localhost").searchParams.getAll("command").join(" "))) {
      held.resolve();
      await new Promise(() => {});
    }
    return { kind, forward: request(options) };
  };

  const server = createServer(async (incoming, answer) => {
    const { kind, forward } = await passOn(incoming);
    if (kind.startsWith("watch ")) {
      watches.set(answer, undefined);
      mostWatches = Math.max(mostWatches, watches.size);
      answer.once("close", () => watches.delete(answer));
    }
    forward.once("response", (response) => {
      if (watches.has(answer)) watches.set(answer, response);
      if (withoutKinds.length > 0 && /^GET \/apis\/[^/]+\/[^/]+$/.test(kind)) {
        text(response).then((list) => {
          const { resources, ...rest } = JSON.parse(list);
          const known = resources.filter((resource: { kind: string }) => !withoutKinds.includes(resource.kind));
          answer.writeHead(200, { "content-type": "application/json" });
          answer.end(JSON.stringify({ ...rest, resources: known }));
        });
        return;
      }
      answer.writeHead(response.statusCode ?? 502, response.headers);
      // A watch gets its headers before its first event.
      answer.flushHeaders();
      response.pipe(answer);
    });
    forward.once("error", () => answer.destroy());
    answer.once("close", () => forward.destroy());
    incoming.pipe(forward);
  });
  server.on("upgrade", async (incoming, socket: Duplex, head) => {
    const { forward } = await passOn(incoming);
    forward.once("upgrade", (response, target, targetHead) => {
      const headers = Object.entries(response.headers).map(([name, value]) => `${name}: ${value}\r\n`);
      socket.write(`HTTP/1.1 101 Switching Protocols\r\n${headers.join("")}\r\n`);
      socket.write(targetHead);
      target.write(head);
      socket.pipe(target).pipe(socket);
      socket.once("close", () => target.destroy());
      target.once("close", () => socket.destroy());
      for (const end of [socket, target]) end.on("error", () => {});
    });
    forward.once("response", () => socket.destroy());
    forward.once("error", () => socket.destroy());
    forward.end();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");

  const own = new KubeConfig();
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  own.loadFromClusterAndUser({ name: "proxy", server: address, skipTLSVerify: true }, { name: "nobody", ...user });
  await writeFile(kubeconfig, own.exportConfig());
  return {
    kubeconfig,
    counts: () => ({ ...counts }),
    mostWatches: () => mostWatches,
    endWatches: () => {
      for (const [answer, response] of watches) {
        response?.unpipe(answer);
        answer.end();
      }
    },
    freezeWatches: () => {
      for (const [answer, response] of watches) response?.unpipe(answer);
    },
    goAway: async () => {
      const { port: own } = server.address() as AddressInfo;
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
      return async () => {
        server.listen(own, "127.0.0.1");
        await once(server, "listening");
      };
    },
    held: held.promise,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await rm(kubeconfig, { force: true });
    },
  };
}
