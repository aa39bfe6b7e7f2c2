import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { Connection } from "@temporalio/client";
import { serverArguments } from "../../client/stack/server-settings.ts";

/** A Temporal dev server of the tests. */
export interface DevServer {
  readonly address: string;
  readonly uiUrl: string;
  readonly pid: number;
  /** Ends it in order. */
  readonly stop: () => Promise<void>;
  /** Ends it as a power cut would. */
  readonly kill: () => Promise<void>;
}

/** A port that nothing listens on now. */
export async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("no port was given");
  return address.port;
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, "exit");
  child.kill(signal);
  await exited;
}

/** Starts a dev server on a file and waits until it answers. */
export async function startDevServer(
  binary: string,
  databaseFile: string,
  options: { port?: number; uiPort?: number; stock?: boolean } = {},
): Promise<DevServer> {
  const port = options.port ?? (await freePort());
  const uiPort = options.uiPort ?? (await freePort());
  const address = `127.0.0.1:${port}`;
  const stock = ["server", "start-dev", "--ip", "127.0.0.1", "--port", String(port), "--ui-port", String(uiPort)];
  const settings = options.stock
    ? [...stock, "--db-filename", databaseFile]
    : serverArguments({ port, uiPort, database: databaseFile });
  const child = spawn(binary, [...settings, "--log-level", "never"], { stdio: ["ignore", "ignore", "inherit"] });
  const failed = once(child, "exit").then(([code]) => {
    throw new Error(`the Temporal dev server ended with ${code} before it answered`);
  });
  failed.catch(() => {});
  await Promise.race([answers(address), failed]);
  return {
    address,
    uiUrl: `http://127.0.0.1:${uiPort}`,
    pid: child.pid ?? 0,
    stop: () => end(child, "SIGTERM"),
    kill: () => end(child, "SIGKILL"),
  };
}

/** Resolves when a server answers there, with its namespace registered. */
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
