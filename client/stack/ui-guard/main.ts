/**
 * Runs the guard of Temporal's UI as its own process: beside the local stack's server, or beside the UI in compose.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { isRunning } from "#platform/host/process-identity";
import { allowedHosts } from "#platform/host/refuse-foreign-origin";
import { startUiGuard } from "./guard.ts";

/** The interval between checks of the server, in milliseconds. */
const lookMilliseconds = 1000;

const { values } = parseArgs({
  options: {
    /** The address to listen at: `host:port`. */
    listen: { type: "string" },
    /** The address of the UI: `host:port`. */
    target: { type: "string" },
    /** A further host name that browsers may use. */
    "allow-host": { type: "string", multiple: true, default: [] },
    /** The process that ends this one with it: `pid:startTime`. Without it, the guard runs until it is stopped. */
    beside: { type: "string" },
  },
});

function placeIn(option: "listen" | "target"): { host: string; port: number } {
  const [, host, port] = /^(.+):(\d{1,5})$/.exec(values[option] ?? "") ?? [];
  if (host !== undefined && Number(port) <= 65_535) return { host, port: Number(port) };
  throw new Error(`--${option}: got ${JSON.stringify(values[option])}; allowed is HOST:PORT`);
}

const { host, port } = placeIn("listen");
const guard = await startUiGuard({
  host,
  port,
  target: placeIn("target"),
  hosts: allowedHosts(host, values["allow-host"]),
});

const end = async (): Promise<void> => {
  await guard.close();
  process.exit(0);
};
process.once("SIGTERM", () => void end());
process.once("SIGINT", () => void end());

if (values.beside !== undefined) {
  const [pid, startTime = ""] = values.beside.split(":");
  const server = { pid: Number(pid), startTime };
  setInterval(async () => {
    if (!(await isRunning(server))) await end();
  }, lookMilliseconds);
}
