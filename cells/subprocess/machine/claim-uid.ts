import { once } from "node:events";
import { createServer } from "node:net";
import { errorCode } from "#platform/host/error-code";
import { runUid } from "./run-uid.ts";

/** A uid that no other live cell has. */
export interface ClaimedUid {
  readonly uid: number;
  /** Gives it back: no process of the cell lives any more. */
  readonly release: () => void;
}

/** More live cells than this no machine has. */
const mostAttempts = 10_000;

/**
 * Claims a uid for a cell, for all workers of root on this machine that share its network namespace: whoever listens on the
 * abstract socket of that name has it, and a worker that dies gives it back by dying.
 */
export async function claimUid(cellId: string, uidMap: string): Promise<ClaimedUid> {
  for (let attempt = 0; attempt < mostAttempts; attempt += 1) {
    const uid = runUid(cellId, uidMap, attempt);
    const server = createServer((socket) => socket.destroy());
    try {
      server.listen({ path: `\0kgents-run-uid-${uid}` });
      await once(server, "listening");
      server.unref();
      return { uid, release: () => void server.close() };
    } catch (error) {
      if (errorCode(error) !== "EADDRINUSE") throw error;
    }
  }
  throw new Error("every uid for cells is taken on this machine");
}
