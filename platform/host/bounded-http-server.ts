/**
 * HTTP servers with bounded connections and request times. At the limit, the connection that has been idle longest is
 * closed for a new one, so idle clients cannot exhaust the server.
 *
 * @module
 */
import { once } from "node:events";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { KgentsError } from "#core/contract/error";
import { errorCode } from "./error-code.ts";

/** Bounds of a server; all of them have defaults. */
export interface HttpBounds {
  /** Connections at the same time. @default 256 */
  readonly maximumConnections?: number;
  /**
   * Connections at the same time from one address. Loopback is exempt, because all local clients share it. A proxy
   * counts as one address.
   *
   * @default half of all
   */
  readonly maximumPerAddress?: number;
  /** How long the headers of a request may take, in milliseconds from the start of the connection. @default 5,000 */
  readonly headersMilliseconds?: number;
  /** How long a whole request may take to arrive, in milliseconds. @default 30,000 */
  readonly requestMilliseconds?: number;
}

const isLoopback = (address: string): boolean => /^(?:127\.|::1$|::ffff:127\.)/.test(address);

interface Entry {
  readonly address: string;
  /** Requests that are arriving or being answered. */
  requests: number;
}

/** Makes an HTTP server with bounds. It does not listen yet. */
export function createBoundedServer(listener: RequestListener, bounds: HttpBounds = {}): Server {
  const { maximumConnections = 256, headersMilliseconds = 5000, requestMilliseconds = 30_000 } = bounds;
  const { maximumPerAddress = Math.ceil(maximumConnections / 2) } = bounds;
  /** In the order in which they became idle, longest first. */
  const connections = new Map<Socket, Entry>();
  const server = createServer(
    {
      headersTimeout: headersMilliseconds,
      requestTimeout: requestMilliseconds,
      keepAliveTimeout: 5000,
      // TCP keepalive detects a client whose machine is gone.
      keepAlive: true,
      keepAliveInitialDelay: 30_000,
      // How often Node enforces the two timeouts.
      connectionsCheckingInterval: 1000,
    },
    listener,
  );

  /**
   * Closes the connection that has been idle longest. Returns false when every connection has a request in progress.
   */
  const makeRoom = (belongs: (entry: Entry) => boolean): boolean => {
    for (const [socket, entry] of connections) {
      if (entry.requests > 0 || !belongs(entry)) continue;
      connections.delete(socket);
      socket.destroy();
      return true;
    }
    return false;
  };

  server.on("connection", (socket: Socket) => {
    const address = socket.remoteAddress ?? "";
    const isSame = (entry: Entry): boolean => entry.address === address;
    const fromThere = isLoopback(address) ? 0 : [...connections.values()].filter(isSame).length;
    const hasRoom =
      (fromThere < maximumPerAddress || makeRoom(isSame)) &&
      (connections.size < maximumConnections || makeRoom(() => true));
    if (!hasRoom) return socket.destroy();
    connections.set(socket, { address, requests: 0 });
    socket.once("close", () => connections.delete(socket));
    return undefined;
  });
  server.prependListener("request", ({ socket }, response) => {
    const entry = connections.get(socket);
    if (!entry) return;
    entry.requests += 1;
    response.once("close", () => {
      entry.requests -= 1;
      // Move it to the end of the order, unless the connection has closed.
      if (connections.delete(socket)) connections.set(socket, entry);
    });
  });
  return server;
}

/** A server that listens. */
export interface Listening {
  readonly port: number;
  /** Stops listening and closes every connection at once. */
  readonly close: () => Promise<void>;
}

/**
 * Starts listening.
 *
 * @param place.port 0 for any free port
 * @throws the system's error if it cannot listen there
 */
export async function listenAt(server: Server, place: { host: string; port: number }): Promise<Listening> {
  server.listen(place.port, place.host);
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    close: async () => {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

/**
 * Starts listening where a flag says.
 *
 * @throws KgentsError `invalid-configuration` if it cannot listen there
 */
export async function listenAtFlag(
  flag: string,
  server: Server,
  place: { readonly host: string; readonly port: number },
): Promise<Listening> {
  try {
    return await listenAt(server, place);
  } catch (cause) {
    throw new KgentsError(
      "invalid-configuration",
      `${flag}: got ${place.host} port ${place.port}, which cannot be listened on (${errorCode(cause)}); allowed is an address of this machine and a free port`,
      { field: flag, cause },
    );
  }
}
