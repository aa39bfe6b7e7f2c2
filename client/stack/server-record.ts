/**
 * What `temporal.json` says of the server that we started.
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
  /** False from the moment the process is there until it serves: whoever started it may have died in between. */
  serving: "boolean",
} as const;

/** How its doors for HTTP are kept from web pages. A server that kgents 0.1.0 started has none of it, and answers whoever asks. */
const guardShape = {
  /** Where the UI listens, behind its guard: `host:port`. */
  uiAddress: "string",
  /** Where the HTTP API listens: `host:port`. */
  httpAddress: "string",
  /** The only `Host` that the HTTP API answers. It is random, and no name that can be resolved, so no web page can send it. */
  httpHost: "string",
} as const;

/** A server whose doors for HTTP are kept from web pages. */
export type GuardedServer = Shaped<typeof recordShape & typeof guardShape>;
/** What `temporal.json` says of the server that we started. */
export type ServerRecord = Shaped<typeof recordShape> & Partial<GuardedServer>;

/** Whether web pages are kept from a server. */
export const isGuarded = (record: ServerRecord): record is GuardedServer =>
  Object.keys(guardShape).every((name) => Object.hasOwn(record, name));

/** The server that we started, where it runs. */
export async function runningServer(context: StackContext): Promise<ServerRecord | undefined> {
  const record = await readStateFile(context.files.server, recordShape);
  return record && (await isRunning(record)) ? record : undefined;
}
