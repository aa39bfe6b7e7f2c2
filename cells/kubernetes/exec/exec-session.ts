/**
 * A program that runs in a container by exec: its three streams, with back-pressure, and its end.
 *
 * The official client's `Exec` ignores back-pressure: it writes output regardless of the consumer and sends stdin as
 * fast as it can read it. 64 MiB of output, or 256 MiB of input, would be buffered in memory.
 *
 * @module
 */
import type { IncomingMessage } from "node:http";
import type { Readable, Writable } from "node:stream";
import { text } from "node:stream/consumers";
import { WebSocket } from "ws";
import type { ClusterClient } from "../api/cluster-client.ts";
import { type ClusterError, toClusterError } from "../api/cluster-error.ts";
import { protocols, sessionOutput, stdinOf, watchConnection } from "./exec-socket.ts";

/** How an exec ended. */
export type SessionEnd =
  | { readonly exitCode: number }
  /** The connection broke or the container ended. The state of the program is unknown. */
  | { readonly broken: string };

/** A running program. */
export interface ExecSession {
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** Ending it sends end of file to the program. */
  readonly stdin: Writable;
  /** Resolves when the program and its streams have ended; never rejects. */
  readonly ended: Promise<SessionEnd>;
  /** Closes the connection; the program may keep running until its next write. */
  readonly close: () => void;
}

const what = "running a program in the cell";
const connectMilliseconds = 10_000;
/**
 * How often to ping. A connection is dead if no answer arrives before the next ping: its machine may be gone without
 * closing it.
 */
const usualPingMilliseconds = 10_000;

interface Status {
  readonly status?: string;
  readonly message?: string;
  readonly reason?: string;
  readonly details?: { readonly causes?: readonly { readonly reason?: string; readonly message?: string }[] };
}

/** Parses the status message, which is the last message of an exec. */
export function readStatus(said: string): SessionEnd {
  let status: Status;
  try {
    status = JSON.parse(said);
  } catch {
    return { broken: `the container's runtime said ${JSON.stringify(said.slice(0, 200))}` };
  }
  if (status.status === "Success") return { exitCode: 0 };
  const cause = status.details?.causes?.find(({ reason }) => reason === "ExitCode");
  const code = Number(cause?.message);
  return cause && Number.isInteger(code) ? { exitCode: code } : { broken: status.message ?? "exec failed" };
}

/** The error response of a server that did not switch protocols. */
async function refusal(response: IncomingMessage): Promise<ClusterError> {
  const body = await text(response).catch(() => "");
  return toClusterError(what, { code: response.statusCode ?? 0, body });
}

async function connect(
  client: ClusterClient,
  path: string,
  onFrame: (frame: Buffer, socket: WebSocket) => void,
  signal: AbortSignal | undefined,
): Promise<WebSocket> {
  const options = { handshakeTimeout: connectMilliseconds, perMessageDeflate: false };
  await client.config().applyToHTTPSOptions(options);
  const socket = new WebSocket(`${client.server.replace(/^http/, "ws")}${path}`, protocols, options);
  // Listen before the socket opens: the first frame may arrive together with the server's response.
  socket.on("message", (frame: Buffer) => onFrame(frame, socket));
  const stop = (): void => socket.terminate();
  const opened = new Promise<WebSocket>((resolve, reject) => {
    socket.once("open", () => resolve(socket));
    socket.once("error", (error) => reject(toClusterError(what, error)));
    socket.once("unexpected-response", (_request, response) => {
      void refusal(response)
        .then(reject, reject)
        .finally(() => socket.terminate());
    });
  });
  signal?.addEventListener("abort", stop, { once: true });
  if (signal?.aborted) stop();
  return opened.finally(() => signal?.removeEventListener("abort", stop));
}

/**
 * Starts a program in a container.
 *
 * @param options.idleMilliseconds closes the connection if nothing has arrived for this long
 * @param options.pingMilliseconds how often to ping the server. @default 10000
 * @param options.signal closes the connection, also while it is being opened
 * @throws ClusterError if the program was certainly not started
 */
export async function openSession(
  client: ClusterClient,
  target: { readonly pod: string; readonly container: string },
  command: readonly string[],
  options: {
    readonly stdin?: boolean;
    readonly idleMilliseconds?: number;
    readonly pingMilliseconds?: number;
    readonly signal?: AbortSignal | undefined;
  } = {},
): Promise<ExecSession> {
  const query = new URLSearchParams({ container: target.container, stdout: "true", stderr: "true" });
  if (options.stdin) query.set("stdin", "true");
  for (const word of command) query.append("command", word);
  const path = `/api/v1/namespaces/${client.namespace}/pods/${target.pod}/exec?${query}`;

  let resolveEnd: (end: SessionEnd) => void = () => {};
  const end = new Promise<SessionEnd>((resolve) => {
    resolveEnd = resolve;
  });
  const output = sessionOutput((status) => resolveEnd(readStatus(status)));
  const { stdout, stderr } = output;
  const { idleMilliseconds = Number.POSITIVE_INFINITY, pingMilliseconds = usualPingMilliseconds, signal } = options;
  const socket = await connect(client, path, output.onFrame, signal);
  const close = (): void => socket.terminate();
  signal?.addEventListener("abort", close, { once: true });
  if (signal?.aborted) close();
  const isDead = (heard: boolean): boolean =>
    !output.wasPaused(socket) && (!heard || output.silentMilliseconds() > idleMilliseconds);
  watchConnection(socket, { isDead, pingMilliseconds }, (broken) => resolveEnd({ broken }));
  const ended = end.then((how) => {
    signal?.removeEventListener("abort", close);
    stdout.end();
    stderr.end();
    return how;
  });
  return { stdout, stderr, stdin: stdinOf(socket), ended, close };
}

/** Runs a program to its end and discards its output. */
export async function runScript(
  client: ClusterClient,
  target: { readonly pod: string; readonly container: string },
  command: readonly string[],
  signal?: AbortSignal,
): Promise<SessionEnd> {
  const session = await openSession(client, target, command, { signal });
  session.stdout.resume();
  session.stderr.resume();
  return session.ended;
}
