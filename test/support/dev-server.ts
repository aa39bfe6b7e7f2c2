import { type ChildProcess, spawn } from "node:child_process";
import { randomInt } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:net";
import { Connection } from "@temporalio/client";
import { serverArguments } from "#client/stack/server-settings";
import type { HttpDoor } from "#platform/temporal/http-api";

/** A Temporal dev server for tests. */
export interface DevServer {
  readonly address: string;
  readonly uiUrl: string;
  /** Its HTTP API, unless it is a stock server. */
  readonly http: HttpDoor;
  readonly pid: number;
  /** Stops it gracefully. */
  readonly stop: () => Promise<void>;
  /** Kills it without a graceful stop, like a power failure. */
  readonly kill: () => Promise<void>;
}

/**
 * A free port below the range for outgoing connections. A test stops its server and restarts it on the same port, which
 * no outgoing connection may take in between, not even the client's own connection to that port.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(15_000, 32_000);
    const server = createServer();
    server.listen(port, "127.0.0.1");
    try {
      await once(server, "listening");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "EADDRINUSE") continue;
      throw error;
    }
    server.close();
    await once(server, "close");
    return port;
  }
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, "exit");
  child.kill(signal);
  await exited;
}

/** Starts a dev server with a database file, and waits until it is ready. */
export async function startDevServer(
  binary: string,
  databaseFile: string,
  options: { port?: number; uiPort?: number; stock?: boolean; more?: readonly string[] } = {},
): Promise<DevServer> {
  const port = options.port ?? (await freePort());
  const uiPort = options.uiPort ?? (await freePort());
  const address = `127.0.0.1:${port}`;
  const http = { port: await freePort(), host: "tests.kgents.invalid" };
  const stock = ["server", "start-dev", "--ip", "127.0.0.1", "--port", String(port), "--ui-port", String(uiPort)];
  const settings = options.stock
    ? [...stock, "--db-filename", databaseFile]
    : serverArguments({
        port,
        database: databaseFile,
        ui: { host: "127.0.0.1", port: uiPort },
        http,
      });
  const child = spawn(binary, [...settings, ...(options.more ?? []), "--log-level", "error"], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk: Buffer) => {
      said = (said + chunk).slice(-2000);
    });
  }
  const failed = once(child, "exit").then(([code]) => {
    throw new Error(`the Temporal dev server ended with ${code} before it answered: ${said}`);
  });
  failed.catch(() => {});
  await Promise.race([answers(address), failed]);
  return {
    address,
    uiUrl: `http://127.0.0.1:${uiPort}`,
    http: { address: `127.0.0.1:${http.port}`, host: http.host },
    pid: child.pid ?? 0,
    stop: () => end(child, "SIGTERM"),
    kill: () => end(child, "SIGKILL"),
  };
}

/** Resolves when a server responds at the address, with its namespace registered. */
async function answers(address: string): Promise<void> {
  const deadline = Date.now() + 30_000;
  for (;;) {
    try {
      const connection = await Connection.connect({ address, connectTimeout: "1s" });
      try {
        await connection.workflowService.describeNamespace({ namespace: "default" });
        return;
      } finally {
        await connection.close();
      }
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}
