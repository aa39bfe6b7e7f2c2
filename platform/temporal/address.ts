/**
 * Which Temporal server to use.
 *
 * One that the standard variables or a profile name (or the caller) is used as it is, and never started. Otherwise it is
 * the local one: 127.0.0.1, port `KGENTS_PORT`, else the port on which our server runs, else 7233.
 *
 * @module
 */

import { KgentsError } from "#core/contract/error";
import { loadTemporalConfiguration, type TemporalConfiguration } from "./temporal-configuration.ts";

/** A Temporal server by its address, and how it was found. */
export interface TemporalTarget {
  /** `host:port` */
  readonly address: string;
  readonly namespace: string;
  /** `configured`: used as it is. `local`: started where nothing listens. */
  readonly origin: "configured" | "local";
  /** Whether the port of a local server was asked for, rather than found. */
  readonly portGiven: boolean;
  /** What a connection needs beside the address: TLS, API key, metadata. */
  readonly connectionOptions: TemporalConfiguration["connectionOptions"];
}

/** Temporal's own default port. */
const defaultPort = 7233;

/**
 * Applies the rule above.
 *
 * @param options.address the caller's own address, above all others
 * @param options.port the caller's port for the local server, above `KGENTS_PORT`
 * @param options.runningPort where our server runs, if it does
 * @throws KgentsError `invalid-configuration` where variables, profile or port make no sense
 */
export function resolveTarget(
  environment: NodeJS.ProcessEnv,
  options: { readonly address?: string | undefined; readonly port?: number | undefined; readonly runningPort?: number },
): TemporalTarget {
  const { connectionOptions, namespace = "default" } = loadTemporalConfiguration(environment);
  const configured = options.address ?? connectionOptions.address;
  if (configured) {
    const address = withPort(configured);
    return { address, namespace, origin: "configured", portGiven: false, connectionOptions };
  }
  const given = options.port ?? portOf(environment.KGENTS_PORT);
  const address = `127.0.0.1:${given ?? options.runningPort ?? defaultPort}`;
  // TLS or a key without an address is meant for another server: ours speaks neither.
  return { address, namespace, origin: "local", portGiven: given !== undefined, connectionOptions: { address } };
}

/** The port of `host:port`. */
export const portIn = (address: string): number => Number(/:(\d+)$/.exec(address)?.[1] ?? defaultPort);

const withPort = (address: string): string => (/:\d+$/.test(address) ? address : `${address}:${defaultPort}`);

function portOf(text: string | undefined): number | undefined {
  if (!text) return undefined;
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (port >= 1 && port <= 65_535) return port;
  throw new KgentsError("invalid-configuration", `KGENTS_PORT: ${JSON.stringify(text)}; allowed is 1 to 65535`, {
    field: "KGENTS_PORT",
    remedy: "Set KGENTS_PORT to a port, or unset it.",
  });
}
