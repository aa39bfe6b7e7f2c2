/**
 * The guard in front of our server's UI: a process that lives as long as the server and listens at the UI's usual port.
 *
 * @module
 */
import { once } from "node:events";
import { createConnection } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { packageFile } from "#platform/host/package-files";
import { isRunning } from "#platform/host/process-identity";
import type { GuardedServer } from "#platform/host/server-record";
import { readStateFile, type Shaped, writeStateFile } from "#platform/host/state-file";
import { portIn } from "#platform/temporal/address";
import { serverEnvironment } from "./background-environment.ts";
import { type BackgroundProcess, startInBackground, stopProcess } from "./background-process.ts";
import type { StackContext } from "./stack-context.ts";
import { freeUiPort } from "./ui-port.ts";

const recordShape = {
  pid: "number",
  startTime: "string",
  /** The address for browsers. */
  url: "string",
  /** The address of the UI itself. It differs between servers. */
  target: "string",
} as const;

/** The content of `ui-guard.json`. */
type GuardRecord = Shaped<typeof recordShape>;

const startMilliseconds = 20_000;
const stopMilliseconds = 2000;
/** The guard only copies bytes. V8's default young generation would use more memory than the rest of it. */
const nodeFlags = ["--max-semi-space-size=1", "--max-old-space-size=64"];

/** The guard's program, in the build. */
const program = packageFile("dist/client/stack/ui-guard/main.js");

async function runningGuard({ files }: StackContext): Promise<GuardRecord | undefined> {
  const record = await readStateFile(files.uiGuard, recordShape);
  return record && (await isRunning(record)) ? record : undefined;
}

/** The address of our server's UI for browsers; undefined if it has no running guard. */
export async function guardedUi(context: StackContext, server: GuardedServer): Promise<string | undefined> {
  const guard = await runningGuard(context);
  return guard?.target === server.uiAddress ? guard.url : undefined;
}

/**
 * Ensures that the guard of our server's UI runs. The caller must hold the stack's lock. A guard that does not start is
 * reported, but is no reason to reject a run.
 */
export async function ensureUiGuard(context: StackContext, server: GuardedServer): Promise<void> {
  if ((await guardedUi(context, server)) !== undefined) return;
  await stopUiGuard(context);
  const { environment, files, progress } = context;
  const port = await freeUiPort(portIn(server.address), progress);
  const listen = `127.0.0.1:${port}`;
  const beside = `${server.pid}:${server.startTime}`;
  const guard = await startInBackground(
    process.execPath,
    [...nodeFlags, program, "--listen", listen, "--target", server.uiAddress, "--beside", beside],
    {
      log: files.uiGuardLog,
      environment: serverEnvironment(environment),
      record: async (identity) => {
        const record: GuardRecord = { ...identity, url: `http://${listen}`, target: server.uiAddress };
        await writeStateFile(files.uiGuard, record);
      },
    },
  );
  if (await listens(port, guard)) return;
  await stopUiGuard(context);
  progress(`Temporal's UI is not available, because its guard did not start; check ${files.uiGuardLog}`);
}

/** Stops the guard, if it runs. */
export async function stopUiGuard(context: StackContext): Promise<void> {
  const guard = await runningGuard(context);
  if (guard) await stopProcess(guard, stopMilliseconds);
}

/** Waits until a guard accepts connections. Returns false if it ended or the time is up. */
async function listens(port: number, guard: BackgroundProcess): Promise<boolean> {
  const deadline = performance.now() + startMilliseconds;
  while (performance.now() < deadline && (await isRunning(guard.identity))) {
    const socket = createConnection({ host: "127.0.0.1", port });
    try {
      await once(socket, "connect");
      return true;
    } catch {
      // Nothing listens there yet.
      await delay(10);
    } finally {
      socket.destroy();
    }
  }
  return false;
}
