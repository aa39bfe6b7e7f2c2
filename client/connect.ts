import { Client, Connection } from "@temporalio/client";
import { loadClientConnectConfig } from "@temporalio/envconfig";
import { KgentsError } from "../core/error.ts";

/** A connection to Temporal, and where it leads. */
export interface TemporalClient {
  readonly client: Client;
  readonly address: string;
  readonly namespace: string;
}

/**
 * Connects as the standard variables and profiles say (`TEMPORAL_ADDRESS`, `TEMPORAL_NAMESPACE`, TLS, API keys, ...).
 *
 * @param options.address overrides the configured address; `127.0.0.1:7233` where nothing is configured
 * @throws KgentsError `temporal-unavailable`, after 5 s at most
 */
export async function connectClient(
  options: { address?: string | undefined; namespace?: string | undefined } = {},
): Promise<TemporalClient> {
  const configured = loadClientConnectConfig();
  const address = options.address ?? configured.connectionOptions.address ?? "127.0.0.1:7233";
  const namespace = options.namespace ?? configured.namespace ?? "default";
  try {
    const connection = await Connection.connect({ ...configured.connectionOptions, address, connectTimeout: "5s" });
    return { client: new Client({ connection, namespace }), address, namespace };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new KgentsError("temporal-unavailable", `no Temporal server answers at ${address}: ${why}`, { cause: error });
  }
}
