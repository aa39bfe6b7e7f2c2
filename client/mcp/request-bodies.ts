/**
 * Reads the bodies of requests. Each is limited, and so is their total, so that incomplete requests cannot exhaust the
 * memory.
 *
 * @module
 */
import type { IncomingMessage, ServerResponse } from "node:http";

/** Limits of bodies, in bytes. */
export interface BodyBounds {
  /** For each body. */
  readonly maximumBytes: number;
  /** For all bodies that are being received or processed. @default 128 MiB */
  readonly totalBytes?: number;
}

/** A body, or why there is none: an HTTP status and a message. */
export type Body = { readonly bytes: Buffer } | { readonly status: number; readonly message: string };

/** Reads bodies. */
export interface RequestBodies {
  /** Reads one. It counts towards the total until its response has been sent. */
  readonly read: (request: IncomingMessage, response: ServerResponse) => Promise<Body>;
}

/** A body of this size is always accepted, since the number of connections is limited, too. */
const smallBytes = 64 * 1024;

interface Holding {
  chunks: Buffer[];
  bytes: number;
  /** Aborts the body while it is being received; undefined once it is complete. */
  giveUp: (() => void) | undefined;
}

/** Creates the reader of bodies. If their total becomes too large, the body that started first is aborted. */
export function createRequestBodies({ maximumBytes, totalBytes = 128 * 1024 * 1024 }: BodyBounds): RequestBodies {
  /** In the order in which they started. */
  const held = new Set<Holding>();
  const tooLarge = { status: 413, message: `a request has at most ${maximumBytes} bytes` };
  const noRoom = { status: 503, message: "too many large requests at once" };
  const total = (): number => [...held].reduce((sum, { bytes }) => sum + bytes, 0);

  /** Makes room for more bytes of this body. Returns whether there is enough. */
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
          // Discard the rest until the connection is closed with the response.
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
      // Has no effect after an end or an error.
      request.once("close", () => reject(new Error("the connection was closed before the request had arrived")));
    });
  };
  return { read };
}
