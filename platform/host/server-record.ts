/**
 * The state file of our server, `temporal.json`.
 *
 * @module
 */
import { join } from "node:path";
import { isRunning } from "./process-identity.ts";
import { readStateFile, type Shaped } from "./state-file.ts";
import { watchUntil } from "./watch-until.ts";

const recordShape = {
  pid: "number",
  startTime: "string",
  address: "string",
  namespace: "string",
  /** Of the `temporal` command. */
  version: "string",
  /** The command's path. */
  cli: "string",
  database: "string",
  startedAt: "string",
  retentionMilliseconds: "number",
  /** False from the start of the process until it serves. The command that started it may have died in between. */
  serving: "boolean",
} as const;

/**
 * The settings that protect its HTTP ports from web pages. A server that kgents 0.1.0 started lacks them and answers
 * any client.
 */
const guardShape = {
  /** The address of the UI behind its guard: `host:port`. */
  uiAddress: "string",
  /** The address of the HTTP API: `host:port`. */
  httpAddress: "string",
  /** The only `Host` that the HTTP API accepts. It is random and does not resolve, so no web page can send it. */
  httpHost: "string",
} as const;

/** A server whose HTTP ports are protected from web pages. */
export type GuardedServer = Shaped<typeof recordShape & typeof guardShape>;
/** The content of `temporal.json`. */
export type ServerRecord = Shaped<typeof recordShape> & Partial<GuardedServer>;

/** Whether a server is protected from web pages. */
export const isGuarded = (record: ServerRecord): record is GuardedServer =>
  Object.keys(guardShape).every((name) => Object.hasOwn(record, name));

/** The path of the file in a state directory. */
export const serverFile = (stateDirectory: string): string => join(stateDirectory, "temporal.json");

/** Our server, if it runs. @param path the path of its file */
export async function runningServer(path: string): Promise<ServerRecord | undefined> {
  const record = await readStateFile(path, recordShape);
  return record && (await isRunning(record)) ? record : undefined;
}

/** How long a server may take to start, in milliseconds: the time that the command which started it waits. */
const serveMilliseconds = 60_000;

/**
 * Waits while our server at an address starts. Returns at once if none is starting there: one serves, or there is none.
 */
export async function whileServerStarts(stateDirectory: string, address: string): Promise<void> {
  const path = serverFile(stateDirectory);
  const settled = async (): Promise<true | undefined> => {
    const record = await runningServer(path);
    return record?.address === address && !record.serving ? undefined : true;
  };
  await watchUntil(path, settled, { timeoutMilliseconds: serveMilliseconds });
}
