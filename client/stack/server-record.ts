/**
 * The state file of our server, `temporal.json`.
 *
 * @module
 */
import { isRunning } from "#platform/host/process-identity";
import { readStateFile, type Shaped } from "#platform/host/state-file";
import type { StackContext } from "./stack-context.ts";

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

/** Our server, if it runs. */
export async function runningServer(context: StackContext): Promise<ServerRecord | undefined> {
  const record = await readStateFile(context.files.server, recordShape);
  return record && (await isRunning(record)) ? record : undefined;
}
