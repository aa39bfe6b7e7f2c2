/** Forwards connections, so that pods reach services that listen only on this machine's loopback. */
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";

export interface Forward extends AsyncDisposable {
  /** Stops forwarding: closes open connections and refuses new ones. */
  readonly stop: () => Promise<void>;
  readonly start: () => Promise<void>;
}

/** Forwards connections to `from`, an address of this machine. */
export async function forward(from: { readonly host: string; readonly port: number }, port: number): Promise<Forward> {
  const open = new Set<Socket>();
  const server = createServer((incoming) => {
    const outgoing = connect(port, "127.0.0.1");
    for (const [socket, other] of [
      [incoming, outgoing],
      [outgoing, incoming],
    ] as const) {
      open.add(socket);
      // The end of either connection ends the other.
      socket.on("error", () => {});
      socket.once("close", () => {
        open.delete(socket);
        other.destroy();
      });
      socket.pipe(other);
    }
  });
  const start = async (): Promise<void> => {
    server.listen(from.port, from.host);
    await once(server, "listening");
  };
  const stop = async (): Promise<void> => {
    if (!server.listening) return;
    server.close();
    for (const socket of open) socket.destroy();
    await once(server, "close");
  };
  await start();
  return { start, stop, [Symbol.asyncDispose]: stop };
}
