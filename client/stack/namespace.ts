import { setTimeout as delay } from "node:timers/promises";

/** How long the namespace may take to be there once the server answers. */
const namespaceMilliseconds = 10_000;

/**
 * Sees to it that a namespace keeps closed runs for that long. Waits for the namespace, which comes a moment after the
 * server.
 */
export async function setRetention(
  server: { readonly address: string; readonly namespace: string },
  milliseconds: number,
): Promise<void> {
  // Loaded only here: it takes a quarter of a second, which a command that finds everything running need not spend.
  const [{ Connection, isGrpcServiceError }, { msToTs }] = await Promise.all([
    import("@temporalio/client"),
    import("@temporalio/common/lib/time.js"),
  ]);
  const { namespace } = server;
  const connection = await Connection.connect({ address: server.address });
  const deadline = performance.now() + namespaceMilliseconds;
  try {
    for (;;) {
      try {
        await connection.workflowService.updateNamespace({
          namespace,
          config: { workflowExecutionRetentionTtl: msToTs(milliseconds) },
        });
        await connection.workflowService.describeNamespace({ namespace });
        return;
      } catch (error) {
        const notYet = isGrpcServiceError(error) && [status.notFound, status.unavailable].includes(error.code);
        if (!notYet || performance.now() > deadline) throw error;
        await delay(10);
      }
    }
  } finally {
    await connection.close();
  }
}

/** The status codes of gRPC by which a server says that it is not ready yet. */
const status = { notFound: 5, unavailable: 14 };
