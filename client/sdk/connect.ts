import { Client } from "@temporalio/client";
import type { TemporalTarget } from "#platform/temporal/address";
import { openConnection } from "#platform/temporal/open-connection";
import { temporalUnavailable } from "#platform/temporal/temporal-unavailable";
import type { Tracing } from "#platform/tracing/tracing";
import { traceStarts } from "./trace-starts.ts";

/** A connection to Temporal and its address. */
export interface TemporalClient {
  readonly client: Client;
  readonly address: string;
  readonly namespace: string;
}

/**
 * Connects to a Temporal server.
 *
 * @param tracing records the starts of runs, if tracing is enabled
 *
 * @throws KgentsError `temporal-unavailable`, after 5 s at most
 */
export async function connectClient(
  { address, namespace, connectionOptions }: TemporalTarget,
  tracing?: Tracing,
): Promise<TemporalClient> {
  try {
    const connection = await openConnection({ ...connectionOptions, address, connectTimeout: "5s" });
    const interceptors = tracing && { interceptors: { workflow: [traceStarts(tracing)] } };
    return { client: new Client({ connection, namespace, ...interceptors }), address, namespace };
  } catch (error) {
    throw await temporalUnavailable({ address, namespace, tls: connectionOptions.tls }, error);
  }
}
