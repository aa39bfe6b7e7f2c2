import { Client } from "@temporalio/client";
import { isLoopback } from "#core/text/loopback";
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

const remoteMilliseconds = 5000;
/** A closed port of this machine refuses at once. What takes longer is a loaded machine. */
const loopbackMilliseconds = 15_000;

/**
 * Connects to a Temporal server.
 *
 * @param tracing records the starts of runs, if tracing is enabled
 *
 * @throws KgentsError `temporal-unavailable`, after 5 s at most, or 15 s on this machine
 */
export async function connectClient(
  { address, namespace, connectionOptions }: TemporalTarget,
  tracing?: Tracing,
): Promise<TemporalClient> {
  try {
    const connectTimeout = isLoopback(address) ? loopbackMilliseconds : remoteMilliseconds;
    const connection = await openConnection({ ...connectionOptions, address, connectTimeout });
    const interceptors = tracing && { interceptors: { workflow: [traceStarts(tracing)] } };
    return { client: new Client({ connection, namespace, ...interceptors }), address, namespace };
  } catch (error) {
    throw await temporalUnavailable({ address, namespace, tls: connectionOptions.tls }, error);
  }
}
