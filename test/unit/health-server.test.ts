import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { expect, test } from "vitest";
import { createBoundedServer, type Listening } from "#platform/host/bounded-http-server";
import { startHealthServer } from "#platform/host/health-server";

const here = { host: "127.0.0.1", port: 0 };
const ask = async ({ port }: Listening): Promise<[number, string]> => {
  const response = await fetch(`http://127.0.0.1:${port}/readyz`);
  return [response.status, await response.text()];
};

test("connections that say nothing do not keep probes out", async () => {
  const server = await startHealthServer(here, async () => undefined);
  const silent: Socket[] = [];
  for (let count = 0; count < 200; count += 1) {
    const socket = connect(server.port, "127.0.0.1").on("error", () => {});
    await once(socket, "connect");
    silent.push(socket);
  }
  expect(await ask(server)).toEqual([200, "ready\n"]);
  for (const socket of silent) socket.destroy();
  await server.close();
});

test("a worker that does not say whether it is ready is not", async () => {
  const server = await startHealthServer(here, () => new Promise(() => {}), { answerMilliseconds: 50 });
  expect(await ask(server)).toEqual([503, "no response in 50 ms\n"]);
  await server.close();
});

test("one address that is not loopback has at most its share of connections, the idle ones closed first", async () => {
  const server = createBoundedServer(() => {}, { maximumConnections: 8, maximumPerAddress: 2 });
  // A plain server accepts the sockets, which then get addresses of a network.
  const arrivals = createServer().listen(0, "127.0.0.1");
  await once(arrivals, "listening");
  const { port } = arrivals.address() as { port: number };
  const clients: Socket[] = [];
  const arrive = async (address: string): Promise<Socket> => {
    const accepted = once(arrivals, "connection");
    clients.push(connect(port, "127.0.0.1").on("error", () => {}));
    const [socket]: Socket[] = await accepted;
    if (!socket) throw new Error("no connection arrived");
    Object.defineProperty(socket, "remoteAddress", { value: address });
    server.emit("connection", socket);
    return socket;
  };
  const other = await arrive("192.0.2.7");
  const flood: Socket[] = [];
  for (let count = 0; count < 6; count += 1) flood.push(await arrive("192.0.2.8"));
  expect(flood.map(({ destroyed }) => destroyed)).toEqual([true, true, true, true, false, false]);
  expect(other.destroyed).toBe(false);

  // Connections with a request under way are kept: the new one is refused.
  for (const client of clients.slice(-2)) client.write("GET / HTTP/1.1\r\nHost: kgents\r\n\r\n");
  await Promise.all([once(server, "request"), once(server, "request")]);
  expect((await arrive("192.0.2.8")).destroyed).toBe(true);
  expect(flood.slice(-2).map(({ destroyed }) => destroyed)).toEqual([false, false]);
  for (const client of clients) client.destroy();
  arrivals.close();
});
