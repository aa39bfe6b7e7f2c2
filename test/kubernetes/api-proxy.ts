/**
 * An API server that passes everything on to the cluster's own. It counts what its one client asks, which the metrics of that
 * one do not tell from what others ask; and it can hold a request, so that a moment becomes a state.
 *
 * @module
 */
import { once } from "node:events";
import { rm, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage } from "node:http";
import { type RequestOptions, request } from "node:https";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { KubeConfig } from "@kubernetes/client-node";
import { cluster } from "./support.ts";

export interface ApiProxy extends AsyncDisposable {
  /** The path of a kubeconfig that leads to it. */
  readonly kubeconfig: string;
  /** How many requests came of each kind, such as `create jobs` or `exec pods`. */
  readonly counts: () => Readonly<Record<string, number>>;
  /** How many watches were open at once at most. */
  readonly mostWatches: () => number;
  /** Resolves when the first request has come that is to be held. It is never passed on. */
  readonly held: Promise<void>;
}

const verbs: Readonly<Record<string, string>> = { POST: "create", DELETE: "delete", PATCH: "patch", PUT: "update" };

/** What a request does, in the words of RBAC. */
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
 * Starts one.
 *
 * @param kubeconfig where its kubeconfig is written
 * @param holds which requests are held, by their kind and by the program that they have a cell run
 */
export async function apiProxy(
  kubeconfig: string,
  holds: (kind: string, program: string) => boolean = () => false,
): Promise<ApiProxy> {
  const config = new KubeConfig();
  config.loadFromFile(cluster.kubeconfig);
  const { hostname, port } = new URL(config.getCurrentCluster()?.server ?? "");
  const counts: Record<string, number> = {};
  let watches = 0;
  let mostWatches = 0;
  const held = Promise.withResolvers<void>();

  const passOn = async ({ method = "GET", url = "/", headers }: IncomingMessage) => {
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
      watches += 1;
      mostWatches = Math.max(mostWatches, watches);
      answer.once("close", () => {
        watches -= 1;
      });
    }
    forward.once("response", (response) => {
      answer.writeHead(response.statusCode ?? 502, response.headers);
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
  own.loadFromClusterAndUser({ name: "proxy", server: address, skipTLSVerify: true }, { name: "nobody" });
  await writeFile(kubeconfig, own.exportConfig());
  return {
    kubeconfig,
    counts: () => ({ ...counts }),
    mostWatches: () => mostWatches,
    held: held.promise,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await rm(kubeconfig, { force: true });
    },
  };
}
