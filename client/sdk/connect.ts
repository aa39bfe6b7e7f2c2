import { Client } from "@temporalio/client";
import { isLoopback } from "#core/text/loopback";
import type { TemporalTarget } from "#platform/temporal/address";
import { openConnection } from "#platform/temporal/open-connection";
import { probe } from "#platform/temporal/probe";
import { temporalUnavailable } from "#platform/temporal/temporal-unavailable";
import type { Tracing } from "#platform/tracing/tracing";
import { traceStarts } from "./trace-starts.ts";

/** A connection to Temporal and its address. */
export interface TemporalClient {
  readonly client: Client;
  readonly address: string;
  readonly namespace: string;
}

const connectMilliseconds = 5000;
/** The second limit is for a server of this machine that responds slowly, because the machine is loaded. */
const slowServerMilliseconds = 10_000;

/** Whether a Temporal server of this machine responds, though its connection was not ready in time. */
const respondsSlowly = async (address: string): Promise<boolean> =>
  isLoopback(address) && (await probe(address, slowServerMilliseconds)).kind === "temporal";

/**
 * Connects to a Temporal server.
 *
 * @param tracing records the starts of runs, if tracing is enabled
 *
 * @throws KgentsError `temporal-unavailable`, after 5 s if nothing responds; after 25 s at most if a server of this
 * machine responds slowly
 */
export async function connectClient(
  { address, namespace, connectionOptions }: TemporalTarget,
  tracing?: Tracing,
): Promise<TemporalClient> {
  const connect = (connectTimeout: number) => openConnection({ ...connectionOptions, address, connectTimeout });
  try {
    const connection = await connect(connectMilliseconds).catch(async (error: unknown) => {
      if (!(await respondsSlowly(address))) throw error;
      return connect(slowServerMilliseconds);
    });
    const interceptors = tracing && { interceptors: { workflow: [traceStarts(tracing)] } };
    return { client: new Client({ connection, namespace, ...interceptors }), address, namespace };
  } catch (error) {
    throw await temporalUnavailable({ address, namespace, tls: connectionOptions.tls }, error);
  }
}
