import { Client, Connection } from "@temporalio/client";
import { temporalUnavailable } from "../activities/host/temporal-unavailable.ts";
import type { TemporalTarget } from "./stack/address.ts";

/** A connection to Temporal, and where it leads. */
export interface TemporalClient {
  readonly client: Client;
  readonly address: string;
  readonly namespace: string;
}

/**
 * Connects to a Temporal server.
 *
 * @throws KgentsError `temporal-unavailable`, after 5 s at most
 */
export async function connectClient({
  address,
  namespace,
  connectionOptions,
}: TemporalTarget): Promise<TemporalClient> {
  try {
    const connection = await Connection.connect({ ...connectionOptions, address, connectTimeout: "5s" });
    return { client: new Client({ connection, namespace }), address, namespace };
  } catch (error) {
    throw await temporalUnavailable({ address, namespace, tls: connectionOptions.tls }, error);
  }
}
