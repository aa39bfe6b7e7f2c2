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

/** A call that ends as it begins, because its connection was closed: with a status that is not tried again. */
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
 * Ends calls on a closed connection with a status. gRPC throws instead, and where the SDK tries a call again that failed before, it
 * would do so in a timer: nobody could catch it, and the process would end.
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

/** gRPC sends everything to the proxy that `http_proxy` and its like name, what goes to this machine too. */
const withoutProxy = { "grpc.enable_http_proxy": 0 };

/** How long a call may take, in milliseconds, where nobody said how long. */
export interface CallLimits {
  /** @default 30,000 */
  readonly call?: number;
  /** Of one that waits on the server's side: for the next event of a history, for a worker's answer to a query. @default 75,000 */
  readonly longPoll?: number;
}

const longPolls = /\/(?:GetWorkflowExecutionHistory|QueryWorkflow)$/;

/** Gives every call a deadline. gRPC has none by itself: a call to a server that stops answering would wait for ever. */
const withDeadline =
  ({ call = 30_000, longPoll = 75_000 }: CallLimits): Interceptor =>
  (options, nextCall) => {
    const limit = longPolls.test(options.method_definition.path) ? longPoll : call;
    return nextCall({ ...options, deadline: options.deadline ?? Date.now() + limit }) as ReturnType<Interceptor>;
  };

/**
 * Connects to a Temporal server as the SDK does, but so that the connection can be closed whatever is under way on it, that every call
 * ends, and that a server on this machine is reached by no proxy.
 */
export const openConnection = (options: ConnectionOptions, limits: CallLimits = {}): Promise<Connection> =>
  Connection.connect({
    ...options,
    // A server that was away is found again soon after it is back; gRPC would wait up to two minutes between its tries.
    channelArgs: {
      "grpc.max_reconnect_backoff_ms": 2000,
      ...options.channelArgs,
      ...(isLoopback(options.address ?? "localhost") ? withoutProxy : {}),
    },
    interceptors: [makeGrpcRetryInterceptor(defaultGrpcRetryOptions()), withDeadline(limits), endWithConnection],
  });
