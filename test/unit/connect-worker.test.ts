/** A worker that connects to a server that accepts connections and never responds. */
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { expect, test } from "vitest";
import { connectWorker } from "#worker/connect";

test("a listener that accepts and says nothing: the worker gives up, and says so", async () => {
  const silent = createServer((socket) => void socket.on("error", () => {}).resume()).listen(0, "127.0.0.1");
  await once(silent, "listening");
  const address = `127.0.0.1:${(silent.address() as AddressInfo).port}`;
  await expect(connectWorker(address, "default", 500)).rejects.toMatchObject({
    code: "temporal-unavailable",
    message: `Temporal does not answer at ${address}: connecting took longer than 500 ms`,
  });
  silent.close();
}, 30_000);
