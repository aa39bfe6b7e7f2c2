/**
 * One program that runs in a container by exec: its three streams, with back-pressure, and its end.
 *
 * The official client's `Exec` writes what comes without looking whether anybody takes it, and sends stdin as fast as
 * it is read: 64 MiB of output, or 256 MiB of input, would stand in memory.
 *
 * @module
 */
import type { IncomingMessage } from "node:http";
import { PassThrough, type Readable, Writable } from "node:stream";
import { text } from "node:stream/consumers";
import { WebSocket } from "ws";
import type { ClusterClient } from "../api/cluster-client.ts";
import { type ClusterError, toClusterError } from "../api/cluster-error.ts";

/** How an exec ended. */
export type SessionEnd =
  | { readonly exitCode: number }
  /** The connection went away, or the container did: nobody knows what became of the program. */
  | { readonly broken: string };

/** A program that runs. */
export interface ExecSession {
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** Ending it gives the program end of file. */
  readonly stdin: Writable;
  /** Resolves when the program has ended and its streams are ended too; never rejects. */
  readonly ended: Promise<SessionEnd>;
  /** Ends the connection; the program may go on until it next writes. */
  readonly close: () => void;
}

const channels = { stdin: 0, stdout: 1, stderr: 2, status: 3, close: 255 } as const;
/** Of the fifth a client can end stdin; the fourth is all that servers before 1.30 know. */
const protocols = ["v5.channel.k8s.io", "v4.channel.k8s.io"];
const what = "running a program in the cell";
const bufferBytes = 256 * 1024;
const connectMilliseconds = 10_000;
/** A connection that does not answer a ping until the next one is dead: the machine behind it went away without a word. */
const usualPingMilliseconds = 10_000;

interface Status {
  readonly status?: string;
  readonly message?: string;
  readonly reason?: string;
  readonly details?: { readonly causes?: readonly { readonly reason?: string; readonly message?: string }[] };
}

/** Reads the last message of an exec. */
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

/** The answer of a server that did not switch protocols. */
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
  // Before it opens: the first frame may come with the server's very answer.
  socket.on("message", (frame: Buffer) => onFrame(frame, socket));
  const stop = (): void => socket.terminate();
  const opened = new Promise<WebSocket>((resolve, reject) => {
    socket.once("open", () => resolve(socket));
    socket.once("error", (error) => reject(toClusterError(what, error)));
    socket.once("unexpected-response", (_request, response) => {
      refusal(response)
        .then(reject)
        .finally(() => socket.terminate());
    });
  });
  signal?.addEventListener("abort", stop, { once: true });
  if (signal?.aborted) stop();
  return opened.finally(() => signal?.removeEventListener("abort", stop));
}

function stdinOf(socket: WebSocket): Writable {
  const send = (bytes: Uint8Array, done: (error?: Error | null) => void): void => {
    if (socket.readyState === socket.OPEN) socket.send(bytes, (error) => done(error ?? null));
    else done(new Error("the connection is closed"));
  };
  return new Writable({
    highWaterMark: bufferBytes,
    write: (chunk: Buffer, _encoding, done) => send(Buffer.concat([Buffer.from([channels.stdin]), chunk]), done),
    final: (done) =>
      socket.protocol === protocols[0] ? send(Buffer.from([channels.close, channels.stdin]), done) : done(),
  });
}

/**
 * Starts a program in a container.
 *
 * @param options.idleMilliseconds ends the connection when nothing has come for so long
 * @param options.pingMilliseconds how often the other side must show that it is there. @default 10000
 * @param options.signal ends the connection, also while it is made
 * @throws ClusterError where it was certainly not started
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

  const stdout = new PassThrough({ highWaterMark: bufferBytes });
  const stderr = new PassThrough({ highWaterMark: bufferBytes });
  const full = new Set<PassThrough>();
  let hasPaused = false;
  let resolveEnd: (end: SessionEnd) => void = () => {};
  const end = new Promise<SessionEnd>((resolve) => {
    resolveEnd = resolve;
  });
  const take = (stream: PassThrough, data: Buffer, socket: WebSocket): void => {
    // Frames that had arrived still come after the pause: the stream is waited for already.
    if (data.length === 0 || stream.write(data) || full.has(stream)) return;
    full.add(stream);
    hasPaused = true;
    socket.pause();
    stream.once("drain", () => {
      full.delete(stream);
      if (full.size === 0) socket.resume();
    });
  };
  let lastFrame = Date.now();
  const onFrame = (frame: Buffer, socket: WebSocket): void => {
    lastFrame = Date.now();
    const data = frame.subarray(1);
    if (frame[0] === channels.stdout) take(stdout, data, socket);
    else if (frame[0] === channels.stderr) take(stderr, data, socket);
    else if (frame[0] === channels.status) {
      resolveEnd(readStatus(data.toString()));
      socket.close();
    }
  };
  const { idleMilliseconds = Number.POSITIVE_INFINITY, pingMilliseconds = usualPingMilliseconds, signal } = options;
  const socket = await connect(client, path, onFrame, signal);
  const close = (): void => socket.terminate();
  signal?.addEventListener("abort", close, { once: true });
  if (signal?.aborted) close();
  // While our own side takes nothing, neither output nor answers are read: nothing follows from their absence.
  const isExcused = (): boolean => {
    const excused = socket.isPaused || hasPaused;
    if (excused) lastFrame = Date.now();
    hasPaused = socket.isPaused;
    return excused;
  };
  const isIdle = (): boolean => Date.now() - lastFrame > idleMilliseconds;
  watchConnection(socket, { isExcused, isIdle, pingMilliseconds }, (broken) => resolveEnd({ broken }));
  const ended = end.then((how) => {
    signal?.removeEventListener("abort", close);
    stdout.end();
    stderr.end();
    return how;
  });
  return { stdout, stderr, stdin: stdinOf(socket), ended, close };
}

/** Says when the connection ends: by itself, because nobody answers on it any more, or because nothing comes. */
function watchConnection(
  socket: WebSocket,
  about: { readonly isExcused: () => boolean; readonly isIdle: () => boolean; readonly pingMilliseconds: number },
  onEnd: (why: string) => void,
): void {
  // Output shows as well as an answer that somebody is there; the answer may have to wait behind it.
  let heard = true;
  const hear = (): void => {
    heard = true;
  };
  const timer = setInterval(() => {
    if (!about.isExcused() && (!heard || about.isIdle())) return socket.terminate();
    heard = false;
    socket.ping();
  }, about.pingMilliseconds);
  socket.on("pong", hear);
  socket.on("message", hear);
  socket.on("error", (error: Error) => onEnd(error.message));
  socket.on("close", () => {
    clearInterval(timer);
    onEnd("the connection was closed");
  });
}

/** Runs a program to its end; what it writes is not wanted. */
export async function runProgram(
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
