import { once } from "node:events";
import { createServer } from "node:net";
import { errorCode } from "#platform/host/error-code";
import { runUid } from "./run-uid.ts";

/** A uid that no other live cell uses. */
export interface ClaimedUid {
  readonly uid: number;
  /** Releases it, once no process of the cell is left. */
  readonly release: () => void;
}

/** A bound on the attempts; no machine has as many live cells. */
const mostAttempts = 10_000;

/**
 * Claims a uid for a cell among all workers of root on this machine that share its network namespace. Listening on an
 * abstract socket named after the uid holds the claim; it is released when the worker dies.
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
