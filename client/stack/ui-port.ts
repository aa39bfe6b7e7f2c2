import { createServer } from "node:net";
import { KgentsError } from "../../core/error.ts";

/** A port for the UI. It is not worth refusing a run for: where its usual port is taken, it gets another. */
export async function freeUiPort(port: number, progress: (line: string) => void): Promise<number> {
  const usual = port + 1000;
  if (usual <= 65_535 && (await bind(usual))) return usual;
  const free = await bind(0);
  if (!free) throw new KgentsError("stack-start", "no port is free for Temporal's UI");
  progress(`port ${usual} is taken, so Temporal's UI is at port ${free}`);
  return free;
}

/** The port, where it (or, for 0, any) could be listened on. */
function bind(port: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(undefined));
    server.listen(port, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(address !== null && typeof address === "object" ? address.port : undefined));
    });
  });
}
