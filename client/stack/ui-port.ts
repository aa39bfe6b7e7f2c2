import { randomInt } from "node:crypto";
import { createServer } from "node:net";
import { KgentsError } from "#core/contract/error";

/**
 * A port for the UI's guard: the usual one or, if that is taken, any free one, so that runs are not rejected for it.
 */
export async function freeUiPort(port: number, progress: (line: string) => void): Promise<number> {
  const usual = port + 1000;
  if (usual <= 65_535 && (await bind(usual))) return usual;
  const free = await bind(0);
  if (!free) throw new KgentsError("stack-start", "no port is free for Temporal's UI");
  progress(`port ${usual} is in use, so Temporal's UI is at port ${free}`);
  return free;
}

/**
 * An address for the UI behind its guard that a web page can neither know nor guess. On Linux all of 127.0.0.0/8 is
 * loopback: 2^24 addresses, each with its own ports. On other systems only the port is random.
 *
 * @throws KgentsError `stack-start`
 */
export async function hiddenPlace(platform = process.platform): Promise<{ host: string; port: number }> {
  const host = platform === "linux" ? `127.${randomInt(1, 255)}.${randomInt(256)}.${randomInt(1, 255)}` : "127.0.0.1";
  const port = await bind(0, host);
  if (port) return { host, port };
  throw new KgentsError("stack-start", `no port is free at ${host}`);
}

/** Any free port of loopback. @throws KgentsError `stack-start` */
export async function freePort(): Promise<number> {
  const port = await bind(0);
  if (port) return port;
  throw new KgentsError("stack-start", "no port is free for Temporal's HTTP API");
}

/** The port, if it (or, for 0, any) is free. */
function bind(port: number, host = "127.0.0.1"): Promise<number | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(undefined));
    server.listen(port, host, () => {
      const address = server.address();
      server.close(() => resolve(address !== null && typeof address === "object" ? address.port : undefined));
    });
  });
}
