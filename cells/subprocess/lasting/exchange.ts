/**
 * The pipes of one program of a sandbox that stays.
 *
 * They have names in a directory of the worker, which the sandbox sees read-only, until the supervisor has opened them:
 * a POSIX shell receives no descriptors. The names are there only while no process of a program is.
 *
 * @module
 */
import { closeSync, constants, fchownSync, openSync, rmSync } from "node:fs";
import { Socket } from "node:net";
import { join } from "node:path";
import type { FifoSource } from "../launcher/fifo.ts";
import { type PipeName, pipesIn, pipesOut } from "./pipe-names.ts";

/** Pipes that only some programs need. */
export interface WantedPipes {
  readonly stdin: boolean;
  readonly inputs: boolean;
  readonly start: boolean;
}

/** The worker's ends, connected with the supervisor's. */
export interface ConnectedPipes {
  readonly find: (name: PipeName) => Socket | undefined;
  /** @throws Error if the program has no such pipe */
  readonly get: (name: PipeName) => Socket;
  readonly destroy: () => void;
}

/** Pipes that the supervisor can open. */
export interface Exchange {
  /**
   * Takes over after the supervisor has opened every pipe.
   *
   * @param uid becomes the owner of the output, so that the program may open /dev/stdout by name
   */
  readonly connect: (uid: number | null) => ConnectedPipes;
  /** Closes everything instead. */
  readonly discard: () => void;
}

/** Opens the worker's end of a pipe without waiting for the other one. */
function openEnd(path: string, forReading: boolean): { readonly own: number; readonly guard: number | undefined } {
  const other = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  if (forReading) return { own: other, guard: undefined };
  try {
    // There must be a reader until the supervisor is one.
    return { own: openSync(path, constants.O_WRONLY | constants.O_NONBLOCK), guard: other };
  } catch (error) {
    closeSync(other);
    throw error;
  }
}

/** Creates the pipes of a program. */
export async function layOutPipes(directory: string, fifos: FifoSource, wanted: WantedPipes): Promise<Exchange> {
  const names: PipeName[] = [...pipesOut, ...pipesIn.filter((name) => name === "script" || wanted[name])];
  const ends = new Map<PipeName, ReturnType<typeof openEnd>>();
  const unname = (): void => {
    for (const name of names) rmSync(join(directory, name), { force: true });
  };
  const discard = (): void => {
    unname();
    for (const { own, guard } of ends.values()) {
      closeSync(own);
      if (guard !== undefined) closeSync(guard);
    }
  };
  try {
    for (const name of names) {
      const path = join(directory, name);
      await fifos.place(path);
      ends.set(
        name,
        openEnd(
          path,
          pipesOut.some((out) => out === name),
        ),
      );
    }
  } catch (error) {
    discard();
    throw error;
  }
  const connect = (uid: number | null): ConnectedPipes => {
    unname();
    const sockets = new Map<PipeName, Socket>();
    for (const [name, { own, guard }] of ends) {
      if (guard !== undefined) closeSync(guard);
      if (uid !== null && (name === "stdout" || name === "stderr")) fchownSync(own, uid, uid);
      const socket = new Socket({ fd: own, readable: guard === undefined, writable: guard !== undefined });
      // The other end may close first. What that means is reported elsewhere.
      socket.on("error", () => {});
      sockets.set(name, socket);
    }
    return {
      find: (name) => sockets.get(name),
      get: (name) => {
        const socket = sockets.get(name);
        if (socket === undefined) throw new Error(`the program has no pipe ${name}`);
        return socket;
      },
      destroy: () => {
        for (const socket of sockets.values()) socket.destroy();
      },
    };
  };
  return { connect, discard };
}
