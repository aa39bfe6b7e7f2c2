/**
 * Bodies of requests as they arrive: bounded each, and all together, so that half-sent ones cannot fill the memory.
 *
 * @module
 */
import type { IncomingMessage, ServerResponse } from "node:http";

/** Bounds of bodies, in bytes. */
export interface BodyBounds {
  /** Of one. */
  readonly maximumBytes: number;
  /** Of all that arrive or are being answered. @default 128 MiB */
  readonly totalBytes?: number;
}

/** A body, or why there is none: a status of HTTP and a sentence. */
export type Body = { readonly bytes: Buffer } | { readonly status: number; readonly message: string };

/** Reads bodies. */
export interface RequestBodies {
  /** Reads one; it counts until its answer has been sent. */
  readonly read: (request: IncomingMessage, response: ServerResponse) => Promise<Body>;
}

/** A body of this size always finds room: the number of connections is bounded, too. */
const smallBytes = 64 * 1024;

interface Holding {
  chunks: Buffer[];
  bytes: number;
  /** Gives the body up while it arrives; undefined once it has arrived. */
  giveUp: (() => void) | undefined;
}

/** Prepares the reading of bodies. Where all together become too large, the one that has been arriving for the longest time is given up. */
export function createRequestBodies({ maximumBytes, totalBytes = 128 * 1024 * 1024 }: BodyBounds): RequestBodies {
  /** In the order in which they began. */
  const held = new Set<Holding>();
  const tooLarge = { status: 413, message: `a request has at most ${maximumBytes} bytes` };
  const noRoom = { status: 503, message: "too many large requests at once" };
  const total = (): number => [...held].reduce((sum, { bytes }) => sum + bytes, 0);

  /** Whether there is room for so many bytes more of this body. */
  const makeRoom = (own: Holding, more: number): boolean => {
    while (total() + more > totalBytes) {
      const other = [...held].find(({ giveUp, bytes }) => giveUp && bytes > smallBytes);
      if (!other || other === own) return own.bytes + more <= smallBytes;
      other.giveUp?.();
    }
    return true;
  };

  const read = (request: IncomingMessage, response: ServerResponse): Promise<Body> => {
    if (Number(request.headers["content-length"] ?? 0) > maximumBytes) return Promise.resolve(tooLarge);
    const own: Holding = { chunks: [], bytes: 0, giveUp: undefined };
    held.add(own);
    response.once("close", () => held.delete(own));
    return new Promise((resolve, reject) => {
      const settle = (body: Body): void => {
        request.off("data", onData);
        own.giveUp = undefined;
        own.chunks = [];
        if (!("bytes" in body)) {
          own.bytes = 0;
          // What still comes is thrown away until the connection is closed with the answer.
          request.resume();
        }
        resolve(body);
      };
      const onData = (chunk: Buffer): void => {
        if (own.bytes + chunk.length > maximumBytes) settle(tooLarge);
        else if (!makeRoom(own, chunk.length)) settle(noRoom);
        else {
          own.bytes += chunk.length;
          own.chunks.push(chunk);
        }
      };
      own.giveUp = () => settle(noRoom);
      request.on("data", onData);
      request.once("end", () => settle({ bytes: Buffer.concat(own.chunks) }));
      request.once("error", reject);
      // After an end or an error it changes nothing.
      request.once("close", () => reject(new Error("the connection was closed before the request had arrived")));
    });
  };
  return { read };
}
