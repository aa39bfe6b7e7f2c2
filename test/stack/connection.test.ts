/** A connection that is closed while its calls are retried: no late error may end the process. */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { expect, inject, test } from "vitest";
import { openConnection } from "#platform/temporal/open-connection";

test("a call to a server that stops answering ends, and so does the wait for a connection", async () => {
  const [host = "", port = ""] = inject("temporalAddress").split(":");
  let isSilent = false;
  // Accepts connections and data, and at some point stops responding.
  const between = createServer((socket) => {
    socket.on("error", () => {});
    if (isSilent) return void socket.resume();
    const onward = connect(Number(port), host).on("error", () => {});
    socket.on("close", () => onward.destroy()).pipe(onward);
    return onward.on("data", (chunk) => void (isSilent || socket.write(chunk)));
  }).listen(0, "127.0.0.1");
  await once(between, "listening");
  const address = `127.0.0.1:${(between.address() as AddressInfo).port}`;
  const connection = await openConnection({ address }, { call: 300, longPoll: 600 });
  const { workflowService } = connection;
  await workflowService.describeNamespace({ namespace: "default" });
  isSilent = true;
  await expect(workflowService.describeNamespace({ namespace: "default" })).rejects.toMatchObject({ code: 4 });
  const execution = { workflowId: "any" };
  await expect(
    workflowService.getWorkflowExecutionHistory({ namespace: "default", execution, waitNewEvent: true }),
  ).rejects.toMatchObject({ code: 4 });
  await connection.close();
  await expect(openConnection({ address, connectTimeout: 300 })).rejects.toThrow("deadline");
  between.close();
}, 30_000);

test("calls that fail again and again end with their connection", async () => {
  const [host = "", port = ""] = inject("temporalAddress").split(":");
  const sockets = new Set<Socket>();
  let isCut = false;
  // A proxy between client and server that drops all connections at some point.
  const between = createServer((socket) => {
    if (isCut) return socket.destroy();
    const onward = connect(Number(port), host);
    for (const end of [socket, onward]) end.on("error", () => {}).on("close", () => end.destroy());
    sockets.add(socket).add(onward);
    return socket.pipe(onward).pipe(socket);
  }).listen(0, "127.0.0.1");
  await once(between, "listening");
  const { port: entrance } = between.address() as AddressInfo;
  const connection = await openConnection({ address: `127.0.0.1:${entrance}` });
  const ask = () => connection.workflowService.describeNamespace({ namespace: "default" });
  await ask();

  isCut = true;
  for (const socket of sockets) socket.destroy();
  const calls = Array.from({ length: 20 }, () => ask().catch((error: unknown) => error));
  // A channel waits a second between its connection attempts; calls are retried at shorter intervals.
  for (let refused = 0; refused < 2; refused += 1) await once(between, "connection");
  await connection.close();
  const cancelled = { code: 1, details: "the connection was closed" };
  for (const error of await Promise.all(calls)) expect(error).toMatchObject(cancelled);
  await expect(ask()).rejects.toMatchObject(cancelled);
  between.close();
});
