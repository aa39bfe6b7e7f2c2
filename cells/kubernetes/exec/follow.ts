import type { Writable } from "node:stream";
import { KgentsError } from "#core/contract/error";
import { controlReader } from "../../files/control-reader.ts";
import type { CellPlan, ExecuteContext } from "../../provider.ts";
import { untilDrained } from "../../until-drained.ts";
import type { ClusterClient } from "../api/cluster-client.ts";
import { cellContainer } from "../cell/classify-cell.ts";
import { cellScripts, scriptExit, troubleMark } from "./cell-scripts.ts";
import { deliver } from "./delivery.ts";
import { openSession } from "./exec-session.ts";

/** How far one connection to a cell came. */
export type FollowEnd =
  /** The code has ended. */
  | { readonly end: "code-ended" }
  /** The connection broke; the code may run on. */
  | { readonly end: "broken"; readonly why: string }
  /** Certainly nothing was started, and nothing will be. */
  | { readonly end: "refused"; readonly why: string };

/** What is known of a cell that is followed, from one connection to the next. */
export interface Progress {
  /** Bytes of each stream that were received. */
  readonly received: { stdout: number; stderr: number };
  /** Whether the code may have been started. */
  mayHaveStarted: boolean;
  /** When it was started, as far as is known. */
  startedAt: Date | undefined;
}

const newline = 10;

/** The store does not take what is written: trouble of the worker's own. */
export class StoreError extends Error {}

/** Waits until a stream takes more, or has failed, or until it is to be waited for no longer. */
async function drained(sink: Writable, signal: AbortSignal): Promise<void> {
  await untilDrained(sink, signal);
  if (signal.aborted || !sink.destroyed) return;
  throw new StoreError(sink.errored?.message ?? "the stream of the store is closed", { cause: sink.errored });
}

/**
 * Writes what comes into a stream that lives longer than the connection. A store that is slow delays it; one that takes nothing more is
 * waited for until the signal comes.
 *
 * @throws StoreError
 */
export async function pour(
  source: AsyncIterable<Buffer>,
  sink: Writable,
  onBytes: (bytes: number) => void,
  signal: AbortSignal,
): Promise<void> {
  for await (const chunk of source) {
    if (sink.destroyed) throw new StoreError("the stream of the store is closed");
    onBytes(chunk.length);
    if (!sink.write(chunk)) await drained(sink, signal);
    if (signal.aborted) return;
  }
}

/**
 * Connects to a cell, delivers what was not delivered yet, and follows its output until the code ends or the connection
 * breaks.
 *
 * @param signal ends the connection
 * @throws StoreError; KgentsError `artifact-unavailable` where input cannot be read, and nothing was started
 */
export async function followOnce(
  client: ClusterClient,
  pod: string,
  plan: CellPlan,
  context: ExecuteContext,
  progress: Progress,
  signal: AbortSignal,
): Promise<FollowEnd> {
  const { received } = progress;
  const session = await openSession(
    client,
    { pod, container: cellContainer },
    cellScripts.follow(new Date(), received),
    { stdin: true },
  );
  // From here on the cell may do what it was told, whatever becomes of the connection.
  progress.mayHaveStarted = true;
  signal.addEventListener("abort", session.close, { once: true });
  if (signal.aborted) session.close();
  session.stdin.on("error", () => {});
  let undelivered: unknown;
  const delivered =
    progress.startedAt === undefined
      ? deliver(plan, context.open, session.stdin).catch((error) => {
          // A cell that has its delivery already does not read it again, and a broken connection says so by itself.
          undelivered = error;
          if (!heard) session.close();
        })
      : Promise.resolve(session.stdin.end());
  let heard = false;
  try {
    const output = controlReader(session.stdout);
    const count = (stream: "stdout" | "stderr") => (bytes: number) => {
      received[stream] += bytes;
    };
    const stderr = pour(session.stderr, context.stderr, count("stderr"), signal);
    stderr.catch(session.close);
    const first = await output.until(newline);
    heard = true;
    if (first !== undefined && !first.startsWith(troubleMark)) {
      begin(progress, context, first);
      await pour(output.rest(), context.stdout, count("stdout"), signal);
    }
    const [end] = await Promise.all([session.ended, stderr]);
    if ("broken" in end) {
      if (undelivered instanceof KgentsError && first === undefined) throw undelivered;
      return { end: "broken", why: end.broken };
    }
    if (end.exitCode === 0) return { end: "code-ended" };
    const why = first?.slice(troubleMark.length) || `exit code ${end.exitCode}`;
    const refused = end.exitCode === scriptExit.programMissing || end.exitCode === scriptExit.noCell;
    return { end: refused ? "refused" : "broken", why };
  } finally {
    signal.removeEventListener("abort", session.close);
    session.close();
    // Else a delivery whose content does not come would be waited for.
    session.stdin.destroy();
    await delivered;
  }
}

/** Notes when the code was started, by this worker or by an earlier one, as far as its cell can say. */
export function begin(progress: Progress, context: ExecuteContext, first: string): void {
  if (progress.startedAt) return;
  // The code can change what its cell says: a moment that is still to come would put off its end.
  const at = Math.min(Date.parse(first) || Number.POSITIVE_INFINITY, Date.now());
  progress.startedAt = new Date(at);
  context.started(progress.startedAt);
}
