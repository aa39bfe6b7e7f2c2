import type { Client } from "@temporalio/client";
import { once } from "#core/text/once";
import type { TemporalTarget } from "#platform/temporal/address";
import { type HttpDoor, openHttpApi } from "#platform/temporal/http-api";
import type { Tracing } from "#platform/tracing/tracing";
import { eitherRuns } from "./either-runs.ts";
import { serverVersionBy } from "./http-queue.ts";
import { httpRuns } from "./http-runs.ts";
import { TemporalError } from "./problem.ts";
import type { RunService } from "./run-service.ts";

/** A server's runs, and its client for all that is not about single runs. */
export interface OpenRuns {
  readonly runs: RunService;
  /** The SDK's client. Connects on the first call. */
  readonly client: () => Promise<Client>;
  readonly close: () => Promise<void>;
}

/** How a server is reached. */
export interface RunsOptions {
  /** Its HTTP API, if it is our own. */
  readonly http: HttpDoor | null;
  /** Records the starts of runs, which only gRPC's client does. */
  readonly tracing: Tracing | undefined;
  /** Called before gRPC is used. Fails at once if nothing listens there. */
  readonly refuse?: () => Promise<void>;
}

/** How long the HTTP API may take for its first answer, in milliseconds. Without one, gRPC is used. */
const firstAnswerMilliseconds = 5000;

/**
 * Connects to a server: by HTTP if it is our own, which takes a fifth of the time, and else by gRPC.
 *
 * @throws KgentsError `temporal-unavailable`
 */
export async function openRuns(target: TemporalTarget, options: RunsOptions): Promise<OpenRuns> {
  const { http, tracing, refuse = async () => {} } = options;
  let closed = false;
  const connected = once(async () => {
    // A call that waits must not open another connection after the end.
    if (closed) throw new TemporalError("the connection was closed", { kind: "closed" });
    const [{ connectClient }, { grpcRuns }] = await Promise.all([
      import("../connect.ts"),
      import("./grpc-runs.ts"),
      refuse(),
    ]);
    const { client } = await connectClient(target, tracing);
    return { client, runs: grpcRuns(client) };
  });
  const grpc = async (): Promise<RunService> => (await connected()).runs;
  const api = http && !tracing && target.origin === "local" ? openHttpApi(http) : undefined;
  const answers =
    api !== undefined &&
    (await serverVersionBy(api, firstAnswerMilliseconds).then(
      (version) => version !== undefined,
      () => false,
    ));
  if (!answers) api?.close();
  return {
    runs: api && answers ? eitherRuns(httpRuns(api, target.namespace), grpc) : await grpc(),
    client: async () => (await connected()).client,
    close: async () => {
      closed = true;
      api?.close();
      await (await connected.made()?.catch(() => undefined))?.client.connection.close();
    },
  };
}
