/**
 * A process that acts as a worker: it has the backend, and follows the test's instructions. A separate process can have
 * another user, environment and network, and can be killed.
 *
 * @module
 */

import { findBubblewrap } from "#cells/subprocess/machine/find-bubblewrap";
import { createSubprocessProvider } from "#cells/subprocess/provider";
import { KgentsError } from "#core/contract/error";
import { acquireForMany, runOnProvider } from "../../support/run-on-provider.ts";
import type { Answer, ChildOptions, Order } from "./protocol.ts";

const options: ChildOptions = JSON.parse(process.argv[2] ?? "{}");
const { bubblewrap } = options;
const backend = createSubprocessProvider({
  stateDirectory: options.stateDirectory,
  cacheDirectory: options.stateDirectory,
  findBubblewrap: bubblewrap === undefined ? findBubblewrap : () => Promise.resolve(bubblewrap),
  installTools: false,
  ...(options.unsandboxed ? { unsandboxed: true } : {}),
  log: () => {},
});

async function carryOut(order: Order): Promise<Omit<Answer, "order">> {
  switch (order.kind) {
    case "run":
      return { run: await runOnProvider(backend, order.request, order) };
    case "execute-again":
      return { run: await runOnProvider(backend, order.request, { cellId: order.cellId, again: true }) };
    case "acquire":
      try {
        await acquireForMany(backend, order.request, order);
        return {};
      } catch (error) {
        if (error instanceof KgentsError) return { refused: error.code };
        throw error;
      }
    case "next":
      return { run: await runOnProvider(backend, order.request, { programs: "many", ...order, again: true }) };
    case "release":
      await backend.release(order.cellId);
      return {};
    case "remove":
      await backend.remove(order.cellId);
      return {};
    case "status":
      return { status: await backend.status() };
    case "sweep":
      return { swept: await backend.sweep() };
    case "close":
      await backend.close();
      return {};
  }
}

process.on("message", (message: { order: number; what: Order }) => {
  carryOut(message.what).then(
    (answer) => process.send?.({ ...answer, order: message.order }),
    (error) => {
      console.error(error);
      process.exit(1);
    },
  );
});
