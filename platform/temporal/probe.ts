/**
 * Detects what listens on a port, without loading a gRPC library: this runs before the first line of output.
 *
 * @module
 */
import { createConnection, type Socket } from "node:net";

/** What listens on a port: a Temporal server, something else, or nothing. */
export type Listener = { readonly kind: "temporal"; readonly version: string } | { readonly kind: "other" | "nothing" };

const method = "/temporal.api.workflowservice.v1.WorkflowService/GetSystemInfo";

/** An empty protobuf message in its gRPC frame: one byte for the compression flag, four for the length. */
const emptyMessage = Buffer.alloc(5);

/**
 * Detects what listens at `host:port`, unencrypted.
 *
 * @param timeoutMilliseconds when a listener that accepts the connection but does not respond counts as `other`.
 * @default 2000
 */
export async function probe(address: string, timeoutMilliseconds = 2000): Promise<Listener> {
  const { hostname, port } = new URL(`http://${address}`);
  const socket = createConnection({ host: hostname.replace(/^\[|\]$/g, ""), port: Number(port || 80) });
  const timer = setTimeout(() => socket.destroy(), timeoutMilliseconds);
  try {
    if (!(await connected(socket))) return { kind: "nothing" };
    const version = await serverVersion(socket, address);
    return version === undefined ? { kind: "other" } : { kind: "temporal", version };
  } finally {
    clearTimeout(timer);
    socket.destroy();
  }
}

function connected(socket: Socket): Promise<boolean> {
  return new Promise((resolve) => {
    socket.once("connect", () => resolve(true));
    socket.once("close", () => resolve(false));
    // A close follows every error and is handled above.
    socket.on("error", () => {});
  });
}

/** Requests the server's version; undefined if the response is not Temporal's. */
async function serverVersion(socket: Socket, address: string): Promise<string | undefined> {
  // Loaded on demand, with TLS: it takes 20 ms, which commands on our own server can avoid.
  const { connect } = await import("node:http2");
  return new Promise((resolve) => {
    const session = connect(`http://${address}`, { createConnection: () => socket });
    const answer: Buffer[] = [];
    let status: unknown;
    const settle = (): void => resolve(status === "0" ? versionIn(Buffer.concat(answer)) : undefined);
    const request = session.request({
      ":method": "POST",
      ":path": method,
      "content-type": "application/grpc",
      te: "trailers",
    });
    request.on("trailers", (trailers) => {
      status = trailers["grpc-status"];
    });
    request.on("data", (chunk: Buffer) => answer.push(chunk));
    request.once("close", settle);
    request.on("error", settle);
    session.once("close", settle);
    session.on("error", settle);
    request.end(emptyMessage);
  });
}

/** The first field of GetSystemInfoResponse: tag 0x0a, a length below 128, the version. */
function versionIn(frame: Buffer): string | undefined {
  const [tag, length] = frame.subarray(emptyMessage.length);
  if (tag !== 0x0a || length === undefined) return undefined;
  const version = frame.subarray(emptyMessage.length + 2, emptyMessage.length + 2 + length).toString("utf8");
  return /^\d+\.\d+/.test(version) ? version : undefined;
}
