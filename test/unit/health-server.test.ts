import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { expect, test } from "vitest";
import type { Listening } from "#platform/host/bounded-http-server";
import { startHealthServer } from "#worker/health-server";

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
