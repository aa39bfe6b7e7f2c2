import { type Connection, isGrpcServiceError } from "@temporalio/client";
import { NativeConnection } from "@temporalio/worker";
import { inTime } from "#activities/in-time";
import { refuseForeignListener } from "#platform/host/listener-owner";
import { grpcStatus } from "#platform/temporal/grpc-status";
import { openConnection } from "#platform/temporal/open-connection";
import { loadTemporalConfiguration } from "#platform/temporal/temporal-configuration";
import { temporalUnavailable } from "#platform/temporal/temporal-unavailable";

/** How long one call may take while a worker starts or looks after its store: a call without a deadline waits for ever. */
export const callMilliseconds = 10_000;

/** How long connecting may take: the SDK waits for ever for a server that accepts a connection and says nothing. */
const connectMilliseconds = 10_000;

/** A worker's connections: Core's own for polling, and a client's for asking about runs. */
export interface WorkerConnections {
  readonly native: NativeConnection;
  readonly client: Connection;
  readonly namespace: string;
  readonly address: string;
  readonly tls: Parameters<typeof temporalUnavailable>[0]["tls"];
}

/**
 * Connects as the standard variables and profiles say; to 127.0.0.1:7233 without them.
 *
 * @param address overrides the configured address
 * @param milliseconds how long connecting may take. @default 10000
 * @throws KgentsError `temporal-unavailable`, `invalid-configuration`; `stack-start` where another user's server listens there, and nobody named it
 */
export async function connectWorker(
  address?: string,
  namespace?: string,
  milliseconds = connectMilliseconds,
): Promise<WorkerConnections> {
  const configured = loadTemporalConfiguration();
  const options = { ...configured.connectionOptions, ...(address === undefined ? {} : { address }) };
  const where = options.address ?? "127.0.0.1:7233";
  // Of a server that nobody named: another user's would have its runs carried out by this one.
  if (options.address === undefined) await refuseForeignListener(where);
  const target = { address: where, namespace: namespace ?? configured.namespace ?? "default", tls: options.tls };
  try {
    const native = await inTime(NativeConnection.connect(options), milliseconds, {
      kind: "temporal-unavailable",
      what: "connecting",
      // The SDK's own runtime holds it until it is closed.
      onLate: (late) => void late.close().catch(() => {}),
    });
    const client = await openConnection({ ...options, connectTimeout: milliseconds });
    // A worker that may not ask works all the same; one whose namespace is missing ends with a stack trace of the SDK's.
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
