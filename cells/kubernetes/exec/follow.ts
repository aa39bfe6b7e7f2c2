import type { Writable } from "node:stream";
import type { Program } from "#core/contract/cell-shape";
import { KgentsError } from "#core/contract/error";
import { controlReader } from "../../files/control-reader.ts";
import type { ProgramContext } from "../../provider.ts";
import { untilDrained } from "../../until-drained.ts";
import type { ClusterClient } from "../api/cluster-client.ts";
import { cellContainer } from "../cell/classify-cell.ts";
import { cellScripts, scriptExit, troubleMark } from "./cell-scripts.ts";
import { deliver } from "./delivery.ts";
import { openSession } from "./exec-session.ts";

/** The result of one connection to a cell. */
export type FollowEnd =
  /** The code has ended. */
  | { readonly end: "code-ended" }
  /** The program's output is not in the cell any more. */
  | { readonly end: "discarded" }
  /** The connection broke; the code may still be running. */
  | { readonly end: "broken"; readonly why: string }
  /** The code was certainly not started and will not be. */
  | { readonly end: "refused"; readonly why: string };

/** The state of following a cell, kept across connections. */
export interface Progress {
  /** Bytes received of each stream. */
  readonly received: { stdout: number; stderr: number };
  /** Whether the code may have been started. */
  mayHaveStarted: boolean;
  /** When the code was started, if known. */
  startedAt: Date | undefined;
}

const newline = 10;

/** The store failed: an error on the worker's side, not the cell's. */
export class StoreError extends Error {}

/** Waits until a stream drains or fails, or until the signal is aborted. */
async function drained(sink: Writable, signal: AbortSignal): Promise<void> {
  await untilDrained(sink, signal);
  if (signal.aborted || !sink.destroyed) return;
  throw new StoreError(sink.errored?.message ?? "the stream of the store is closed", { cause: sink.errored });
}

/**
 * Copies the source to a stream that outlives the connection. Applies back-pressure: a slow store delays the copy, and
 * a blocked store is waited for until the signal is aborted.
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
 * Connects to a cell, delivers the code if that has not been done, and follows its output until the code ends or the
 * connection breaks.
 *
 * @param directory that of the program: see `programDirectory`
 * @param signal closes the connection
 * @throws StoreError; KgentsError `artifact-unavailable` if input cannot be read and nothing was started
 */
export async function followOnce(
  client: ClusterClient,
  pod: string,
  program: Program,
  directory: string,
  context: ProgramContext,
  progress: Progress,
  signal: AbortSignal,
): Promise<FollowEnd> {
  const { received } = progress;
  const session = await openSession(
    client,
    { pod, container: cellContainer },
    cellScripts.follow(directory, new Date(), received),
    { stdin: true },
  );
  // From here on the cell may start the code, even if the connection breaks.
  progress.mayHaveStarted = true;
  signal.addEventListener("abort", session.close, { once: true });
  if (signal.aborted) session.close();
  session.stdin.on("error", () => {});
  let undelivered: unknown;
  let isDelivered = false;
  const delivered =
    progress.startedAt === undefined
      ? deliver(program, directory, context.open, session.stdin).then(
          () => {
            isDelivered = true;
          },
          (error) => {
            // Ignore the error if the cell has answered: it already has its delivery and does not read another one. A
            // broken connection is reported by the session.
            undelivered = error;
            if (!heard) session.close();
          },
        )
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
    if (end.exitCode === scriptExit.discarded) return { end: "discarded" };
    const why = first?.slice(troubleMark.length) || `exit code ${end.exitCode}`;
    // What earlier programs left in the work directory can be in the way of the files of this one.
    const isInTheWay = end.exitCode === scriptExit.delivery && isDelivered && directory !== ".";
    const isRefused = end.exitCode === scriptExit.programMissing || end.exitCode === scriptExit.noCell || isInTheWay;
    return { end: isRefused ? "refused" : "broken", why };
  } finally {
    signal.removeEventListener("abort", session.close);
    session.close();
    // Otherwise a delivery that waits for its content would never finish.
    session.stdin.destroy();
    await delivered;
  }
}

/** Records when the code was started, by this worker or an earlier one, as reported by the cell. */
export function begin(progress: Progress, context: ProgramContext, first: string): void {
  if (progress.startedAt) return;
  // The code can forge the reported time. A time in the future would extend its time limit, so it is capped at now.
  const at = Math.min(Date.parse(first) || Number.POSITIVE_INFINITY, Date.now());
  progress.startedAt = new Date(at);
  context.started(progress.startedAt);
}
