/**
 * Asks a port what listens there, without loading a gRPC library: this runs before the first line of output.
 *
 * @module
 */
import { connect } from "node:http2";

/** What listens on a port: a Temporal server, something else, or nothing. */
export type Listener = { readonly kind: "temporal"; readonly version: string } | { readonly kind: "other" | "nothing" };

const method = "/temporal.api.workflowservice.v1.WorkflowService/GetSystemInfo";

/** An empty protobuf message in its gRPC frame: one byte for the compression, four for the length. */
const emptyMessage = Buffer.alloc(5);

const networkErrors = ["ECONNREFUSED", "ECONNRESET", "EHOSTUNREACH", "ENETUNREACH", "ETIMEDOUT"];

/**
 * Finds out what listens at `host:port`, unencrypted.
 *
 * @param timeoutMilliseconds after which whatever took the connection but said nothing is `other`. @default 2000
 */
export function probe(address: string, timeoutMilliseconds = 2000): Promise<Listener> {
  return new Promise((resolve) => {
    let connected = false;
    let grpcStatus: unknown;
    const answer: Buffer[] = [];
    const session = connect(`http://${address}`);
    const timer = setTimeout(() => settle({ kind: connected ? "other" : "nothing" }), timeoutMilliseconds);
    const settle = (listener: Listener): void => {
      clearTimeout(timer);
      session.destroy();
      resolve(listener);
    };
    const fail = (error: NodeJS.ErrnoException): void => {
      const unreachable = !connected && networkErrors.includes(error.code ?? "");
      settle({ kind: unreachable ? "nothing" : "other" });
    };
    session.once("connect", () => {
      connected = true;
    });
    session.on("error", fail);
    const request = session.request({
      ":method": "POST",
      ":path": method,
      "content-type": "application/grpc",
      te: "trailers",
    });
    request.on("error", fail);
    request.on("trailers", (trailers) => {
      grpcStatus = trailers["grpc-status"];
    });
    request.on("data", (chunk: Buffer) => answer.push(chunk));
    request.on("end", () => {
      const version = serverVersion(Buffer.concat(answer));
      settle(grpcStatus === "0" && version !== undefined ? { kind: "temporal", version } : { kind: "other" });
    });
    request.on("close", () => settle({ kind: "other" }));
    request.end(emptyMessage);
  });
}

/** The first field of GetSystemInfoResponse: tag 0x0a, a length below 128, the version. */
function serverVersion(frame: Buffer): string | undefined {
  const [tag, length] = frame.subarray(emptyMessage.length);
  if (tag !== 0x0a || length === undefined) return undefined;
  const version = frame.subarray(emptyMessage.length + 2, emptyMessage.length + 2 + length).toString("utf8");
  return /^\d+\.\d+/.test(version) ? version : undefined;
}
