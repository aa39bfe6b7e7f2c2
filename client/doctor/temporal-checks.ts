import { messageOf } from "#core/text/message-of";
import type { TemporalTarget } from "#platform/temporal/address";
import { missingSearchAttributes } from "#platform/temporal/search-attributes";
import { connectClient } from "../sdk/connect.ts";
import type { StackStatus } from "../stack/stack-status.ts";
import { type Check, failed, ok, warning } from "./check.ts";

/** Whether the server answers. */
export function checkTemporal({ temporal }: StackStatus, origin: TemporalTarget["origin"]): Check {
  const { running, address, namespace, version, reason } = temporal;
  if (running) return ok("Temporal", `server ${version} at ${address}, namespace ${namespace}`);
  const remedy =
    origin === "local"
      ? "Start it with `kgents up`; `kgents exec` does this automatically."
      : "Check TEMPORAL_ADDRESS, TEMPORAL_TLS_* and the profile, and that the server is reachable from this machine.";
  return failed("Temporal", reason ?? `it does not respond at ${address}`, remedy);
}

/** Whether a worker serves the task queue. */
export function checkWorkers({ temporal, worker }: StackStatus, taskQueue: string, isLocal: boolean): Check {
  const { pollers, outdated } = worker;
  const start = isLocal
    ? "Start one with `kgents up`; `kgents exec` does this automatically."
    : "Start one with `kgents worker` on a machine that shall run code.";
  if (!temporal.running) return failed("Worker", "unknown without Temporal", "See above.");
  if (pollers.length === 0) return failed("Worker", `no worker serves the task queue ${taskQueue}`, start);
  const found = `${pollers.length} ${pollers.length === 1 ? "serves" : "serve"} the task queue ${taskQueue}`;
  if (outdated.length === 0) return ok("Worker", found);
  const what = outdated.join(" and ");
  return warning(
    "Worker",
    `${found}; ${what} changed since its start`,
    "The next run replaces it as soon as it is idle.",
  );
}

/** Whether the namespace has the search attributes of runs. */
export async function checkSearchAttributes(target: TemporalTarget): Promise<Check> {
  const name = "Search";
  const create =
    "Runs work without them, but are listed more slowly. Create them with `kgents admin setup`, and restart the worker.";
  let connection: { readonly close: () => Promise<void> } | undefined;
  try {
    const { client, namespace } = await connectClient(target);
    connection = client.connection;
    const missing = await missingSearchAttributes(client.connection, namespace);
    if (missing.length === 0) return ok(name, "the namespace has the search attributes of runs");
    return warning(name, `the namespace lacks: ${missing.join(", ")}`, create);
  } catch (error) {
    return warning(name, `the search attributes cannot be listed: ${messageOf(error)}`, create);
  } finally {
    await connection?.close();
  }
}
