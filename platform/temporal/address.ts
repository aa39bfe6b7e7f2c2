/**
 * Selects the Temporal server.
 *
 * A server that the caller, the standard variables or a profile names is used as it is and never started. The default
 * is the local server: 127.0.0.1 with the port `KGENTS_PORT`, else the port of our running server, else 7233.
 *
 * @module
 */

import { KgentsError } from "#core/contract/error";
import { loadTemporalConfiguration, type TemporalConfiguration } from "./temporal-configuration.ts";

/** The address of a Temporal server and its origin. */
export interface TemporalTarget {
  /** `host:port` */
  readonly address: string;
  readonly namespace: string;
  /** `configured`: used as it is. `local`: started if nothing listens there. */
  readonly origin: "configured" | "local";
  /** Whether the port of a local server was given explicitly. */
  readonly portGiven: boolean;
  /** Connection settings beside the address: TLS, API key, metadata. */
  readonly connectionOptions: TemporalConfiguration["connectionOptions"];
}

/** Temporal's own default port. */
const defaultPort = 7233;

/**
 * Selects the Temporal server by the rule above.
 *
 * @param options.address the caller's address; overrides all others
 * @param options.port the caller's port for the local server; overrides `KGENTS_PORT`
 * @param options.runningPort the port of our running server, if there is one
 * @throws KgentsError `invalid-configuration` for invalid variables, profile or port
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
  // Drop TLS and API key without an address: they belong to another server. The local one supports neither.
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
