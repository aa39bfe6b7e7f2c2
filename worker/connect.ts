import { type Connection, isGrpcServiceError } from "@temporalio/client";
import { NativeConnection } from "@temporalio/worker";
import { refuseForeignListener } from "#platform/host/listener-owner";
import { inTime } from "#platform/host/time-limit";
import { grpcStatus } from "#platform/temporal/grpc-status";
import { openConnection } from "#platform/temporal/open-connection";
import { loadTemporalConfiguration } from "#platform/temporal/temporal-configuration";
import { temporalUnavailable } from "#platform/temporal/temporal-unavailable";

/** Deadline in milliseconds for a call during start or store maintenance. A call without a deadline waits for ever. */
export const callMilliseconds = 10_000;

/**
 * Timeout for connecting, in milliseconds. The SDK waits for ever for a server that accepts a connection but does not
 * respond.
 */
const connectMilliseconds = 10_000;

/** A worker's connections: Core's own for polling, and a client's for other requests. */
export interface WorkerConnections {
  readonly native: NativeConnection;
  readonly client: Connection;
  readonly namespace: string;
  readonly address: string;
  readonly tls: Parameters<typeof temporalUnavailable>[0]["tls"];
}

/**
 * Connects as the standard variables and profiles configure it; by default to 127.0.0.1:7233.
 *
 * @param address overrides the configured address
 * @param milliseconds how long connecting may take. @default 10000
 * @throws KgentsError `temporal-unavailable`, `invalid-configuration`; `stack-start` if the server at the default
 * address belongs to another user
 */
export async function connectWorker(
  address?: string,
  namespace?: string,
  milliseconds = connectMilliseconds,
): Promise<WorkerConnections> {
  const configured = loadTemporalConfiguration();
  const options = { ...configured.connectionOptions, ...(address === undefined ? {} : { address }) };
  const where = options.address ?? "127.0.0.1:7233";
  // Check a default address only: a server of another user would have its runs executed by this one.
  if (options.address === undefined) await refuseForeignListener(where);
  const target = { address: where, namespace: namespace ?? configured.namespace ?? "default", tls: options.tls };
  try {
    const native = await inTime(NativeConnection.connect(options), milliseconds, {
      kind: "temporal-unavailable",
      what: "connecting",
      // The SDK's runtime keeps the connection until it is closed.
      onLate: (late) => void late.close().catch(() => {}),
    });
    const client = await openConnection({ ...options, connectTimeout: milliseconds });
    // A worker without the right to describe the namespace can still work. A missing namespace must fail here, because
    // later the SDK only throws a stack trace.
    const asked = client.withDeadline(Date.now() + callMilliseconds, () =>
      client.workflowService.describeNamespace({ namespace: target.namespace }),
    );
    await asked.catch((error) => {
      if (isGrpcServiceError(error) && error.code === grpcStatus.notFound) throw error;
    });
    return { native, client, ...target };
  } catch (error) {
    throw await temporalUnavailable(target, error);
  }
}
