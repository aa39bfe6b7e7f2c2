import { Connection } from "@temporalio/client";
import { NativeConnection } from "@temporalio/worker";
import { loadTemporalConfiguration } from "../activities/host/temporal-configuration.ts";
import { temporalUnavailable } from "../activities/host/temporal-unavailable.ts";

/** A worker's connections: Core's own for polling, and a client's for asking about runs. */
export interface WorkerConnections {
  readonly native: NativeConnection;
  readonly client: Connection;
  readonly namespace: string;
  readonly address: string;
}

/**
 * Connects as the standard variables and profiles say; to 127.0.0.1:7233 without them.
 *
 * @param address overrides the configured address
 * @throws KgentsError `temporal-unavailable`, `invalid-configuration`
 */
export async function connectWorker(address?: string, namespace?: string): Promise<WorkerConnections> {
  const configured = loadTemporalConfiguration();
  const options = { ...configured.connectionOptions, ...(address === undefined ? {} : { address }) };
  const where = options.address ?? "127.0.0.1:7233";
  try {
    const native = await NativeConnection.connect(options);
    const client = await Connection.connect({ ...options, connectTimeout: "10s" });
    return { native, client, namespace: namespace ?? configured.namespace ?? "default", address: where };
  } catch (error) {
    throw await temporalUnavailable(where, options.tls, error);
  }
}
