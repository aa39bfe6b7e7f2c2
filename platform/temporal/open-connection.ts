import {
  Connection,
  type ConnectionOptions,
  defaultGrpcRetryOptions,
  makeGrpcRetryInterceptor,
} from "@temporalio/client";
import { isLoopback } from "#core/text/loopback";
import { grpcStatus } from "./grpc-status.ts";

type Interceptor = NonNullable<ConnectionOptions["interceptors"]>[number];
type Call = ReturnType<Parameters<Interceptor>[1]>;

/** A call that ends at once with a status that is not retried, because its connection was closed. */
const closedCall = (): Call => ({
  start: (metadata, listener) => {
    listener?.onReceiveMessage?.(null);
    listener?.onReceiveStatus?.({ code: grpcStatus.cancelled, details: "the connection was closed", metadata });
  },
  sendMessage: () => {},
  sendMessageWithContext: () => {},
  startRead: () => {},
  halfClose: () => {},
  cancelWithStatus: () => {},
  getPeer: () => "",
  getAuthContext: () => null,
});

/**
 * Ends calls on a closed connection with a status. gRPC throws instead. In the SDK's retries this happens in a timer,
 * where nothing could catch the error, and the process would exit.
 */
const endWithConnection: Interceptor = (options, nextCall) => {
  let call: Call;
  try {
    call = nextCall(options);
  } catch (error) {
    if (!(error instanceof Error && error.message === "Channel has been shut down")) throw error;
    call = closedCall();
  }
  return call as ReturnType<Interceptor>;
};

/** gRPC sends all calls through the proxy of `http_proxy` and similar variables, even those to this machine. */
const withoutProxy = { "grpc.enable_http_proxy": 0 };

/** Default deadlines of calls, in milliseconds. */
export interface CallLimits {
  /** @default 30,000 */
  readonly call?: number;
  /**
   * For calls that wait on the server: for the next event of a history, or for a worker's reply to a query.
   *
   * @default 75,000
   */
  readonly longPoll?: number;
}

const longPolls = /\/(?:GetWorkflowExecutionHistory|QueryWorkflow)$/;

/** Gives every call a deadline. gRPC sets none, so a call to a server that hangs would never end. */
const withDeadline =
  ({ call = 30_000, longPoll = 75_000 }: CallLimits): Interceptor =>
  (options, nextCall) => {
    const limit = longPolls.test(options.method_definition.path) ? longPoll : call;
    return nextCall({ ...options, deadline: options.deadline ?? Date.now() + limit }) as ReturnType<Interceptor>;
  };

/**
 * Connects to a Temporal server as the SDK does, with three differences. The connection can be closed during calls,
 * every call has a deadline, and a server on this machine is reached without a proxy.
 */
export const openConnection = (options: ConnectionOptions, limits: CallLimits = {}): Promise<Connection> =>
  Connection.connect({
    ...options,
    // Reconnect soon after the server is back. gRPC's default backoff grows to two minutes.
    channelArgs: {
      "grpc.max_reconnect_backoff_ms": 2000,
      ...options.channelArgs,
      ...(isLoopback(options.address ?? "localhost") ? withoutProxy : {}),
    },
    interceptors: [makeGrpcRetryInterceptor(defaultGrpcRetryOptions()), withDeadline(limits), endWithConnection],
  });
