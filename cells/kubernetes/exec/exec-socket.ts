/**
 * The WebSocket of an exec: its output with back-pressure, its stdin, and how its end is noticed.
 *
 * @module
 */
import { PassThrough, Writable } from "node:stream";
import type { WebSocket } from "ws";

const channels = { stdin: 0, stdout: 1, stderr: 2, status: 3, close: 255 } as const;
/** v5 can half-close stdin. Servers before 1.30 only speak v4. */
export const protocols = ["v5.channel.k8s.io", "v4.channel.k8s.io"];
const bufferBytes = 256 * 1024;

/** The output of a program. The socket is paused while a stream is full. */
interface SessionOutput {
  readonly stdout: PassThrough;
  readonly stderr: PassThrough;
  readonly onFrame: (frame: Buffer, socket: WebSocket) => void;
  /** Whether the socket was paused since the last call, or is. While it is, neither output nor pongs are read. */
  readonly wasPaused: (socket: WebSocket) => boolean;
  /** The time since the last frame, without the time in which the socket was paused, in milliseconds. */
  readonly silentMilliseconds: () => number;
}

/** @param onStatus called with the status message, which is the last message of an exec */
export function sessionOutput(onStatus: (status: string) => void): SessionOutput {
  const stdout = new PassThrough({ highWaterMark: bufferBytes });
  const stderr = new PassThrough({ highWaterMark: bufferBytes });
  const full = new Set<PassThrough>();
  let hasPaused = false;
  let lastFrame = Date.now();
  const take = (stream: PassThrough, data: Buffer, socket: WebSocket): void => {
    // Frames received before the pause are still delivered after it; the stream's drain listener exists by then.
    if (data.length === 0 || stream.write(data) || full.has(stream)) return;
    full.add(stream);
    hasPaused = true;
    socket.pause();
    stream.once("drain", () => {
      full.delete(stream);
      if (full.size === 0) socket.resume();
    });
  };
  return {
    stdout,
    stderr,
    onFrame: (frame, socket) => {
      lastFrame = Date.now();
      const data = frame.subarray(1);
      if (frame[0] === channels.stdout) take(stdout, data, socket);
      else if (frame[0] === channels.stderr) take(stderr, data, socket);
      else if (frame[0] === channels.status) {
        onStatus(data.toString());
        socket.close();
      }
    },
    wasPaused: (socket) => {
      const was = socket.isPaused || hasPaused;
      if (was) lastFrame = Date.now();
      hasPaused = socket.isPaused;
      return was;
    },
    silentMilliseconds: () => Date.now() - lastFrame,
  };
}

/** Sends to the program. Its end closes the stdin of the program, if the server can do so. */
export function stdinOf(socket: WebSocket): Writable {
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
 * Reports when the connection ends: because it closed, because the server no longer answers, or because it was idle too
 * long.
 */
export function watchConnection(
  socket: WebSocket,
  about: {
    /** Whether the connection is dead. `heard`: whether anything has arrived since the last ping. */
    readonly isDead: (heard: boolean) => boolean;
    readonly pingMilliseconds: number;
  },
  onEnd: (why: string) => void,
): void {
  // Output proves that the server is alive just as a pong does, and a pong may be queued behind it.
  let heard = true;
  const hear = (): void => {
    heard = true;
  };
  const timer = setInterval(() => {
    if (about.isDead(heard)) return socket.terminate();
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
