/**
 * The guard of Temporal's UI as a process of its own: the local stack starts it beside its server, compose beside its UI.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { allowedHosts } from "#platform/host/http-strangers";
import { isRunning } from "#platform/host/process-identity";
import { startUiGuard } from "./guard.ts";

/** How often it looks whether the server is still there. */
const lookMilliseconds = 1000;

const { values } = parseArgs({
  options: {
    /** Where to listen: `host:port`. */
    listen: { type: "string" },
    /** Where the UI listens: `host:port`. */
    target: { type: "string" },
    /** Another name under which browsers reach it. */
    "allow-host": { type: "string", multiple: true, default: [] },
    /** The process that it lives as long as: `pid:startTime`. Without, it lives until it is ended. */
    beside: { type: "string" },
  },
});

function placeIn(option: "listen" | "target"): { host: string; port: number } {
  const [, host, port] = /^(.+):(\d{1,5})$/.exec(values[option] ?? "") ?? [];
  if (host !== undefined && Number(port) <= 65_535) return { host, port: Number(port) };
  throw new Error(`--${option}: got ${JSON.stringify(values[option])}; needed is HOST:PORT`);
}

const { host, port } = placeIn("listen");
const guard = await startUiGuard({
  ...{ host, port, target: placeIn("target"), hosts: allowedHosts(host, values["allow-host"]) },
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
