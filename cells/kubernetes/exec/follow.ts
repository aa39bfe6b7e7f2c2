import type { Writable } from "node:stream";
import { KgentsError } from "#core/contract/error";
import { controlReader } from "../../files/control-reader.ts";
import { symbolicLinkInTheWay } from "../../files/folders-line.ts";
import { cellContainer } from "../cell/classify-cell.ts";
import { cellScripts, scriptExit, troubleMark } from "./cell-scripts.ts";
import { deliver } from "./delivery.ts";
import { type ExecSession, openSession, type SessionEnd } from "./exec-session.ts";
import { begin, byteCounter, type PodProgram } from "./pod-program.ts";
import { pour } from "./pour.ts";

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

const newline = 10;

/** The delivery of the code on one connection. */
interface Delivery {
  /** Resolves when it has ended, also if it failed. */
  readonly over: Promise<void>;
  /** Whether all of it was sent on this connection. */
  readonly isSent: () => boolean;
  /** Why it failed; undefined if it did not. */
  readonly failure: () => unknown;
}

/** Sends the delivery, unless the code has been started. */
function startDelivery(run: PodProgram, stdin: Writable, onFailure: () => void): Delivery {
  let isSent = false;
  let failure: unknown;
  const send = async (): Promise<void> => {
    try {
      await deliver(run, stdin);
      isSent = true;
    } catch (error) {
      failure = error;
      onFailure();
    }
  };
  const over = run.state.startedAt === undefined ? send() : Promise.resolve(void stdin.end());
  return { over, isSent: () => isSent, failure: () => failure };
}

/** What came on one connection, up to its end. */
interface Received {
  /** The first line, which the cell sends once it has the delivery; undefined if none came. */
  readonly first: string | undefined;
  readonly end: SessionEnd;
}

/** Receives both streams until they end. @param onFirst called when the first line has come, or the end of stdout */
async function receive(
  { context, state }: PodProgram,
  session: ExecSession,
  signal: AbortSignal,
  onFirst: () => void,
): Promise<Received> {
  const output = controlReader(session.stdout);
  const stderr = pour(session.stderr, context.stderr, byteCounter(state, "stderr"), signal);
  stderr.catch(session.close);
  const first = await output.until(newline);
  onFirst();
  if (first !== undefined && !first.startsWith(troubleMark)) {
    begin(state, context, first);
    await pour(output.rest(), context.stdout, byteCounter(state, "stdout"), signal);
  }
  const [end] = await Promise.all([session.ended, stderr]);
  return { first, end };
}

/** The result of a connection that has ended. */
function resultOf({ first, end }: Received, { isSent, failure }: Delivery, directory: string): FollowEnd {
  if ("broken" in end) {
    const undelivered = failure();
    if (undelivered instanceof KgentsError && first === undefined) throw undelivered;
    return { end: "broken", why: end.broken };
  }
  if (end.exitCode === 0) return { end: "code-ended" };
  if (end.exitCode === scriptExit.discarded) return { end: "discarded" };
  const why = first?.slice(troubleMark.length) || `exit code ${end.exitCode}`;
  if (end.exitCode === scriptExit.linkInTheWay) {
    throw new KgentsError("invalid-request", `files: ${why}: ${symbolicLinkInTheWay}`, {
      field: "files",
      remedy: "Remove the link, or use another path.",
    });
  }
  // What earlier programs left in the work directory can be in the way of the files of this one.
  const isInTheWay = end.exitCode === scriptExit.delivery && isSent() && directory !== ".";
  const isRefused = end.exitCode === scriptExit.programMissing || end.exitCode === scriptExit.noCell || isInTheWay;
  return { end: isRefused ? "refused" : "broken", why };
}

/**
 * Connects to a cell, delivers the code if that has not been done, and follows its output until the code ends or the
 * connection breaks.
 *
 * @param signal closes the connection
 * @throws StoreError; KgentsError `artifact-unavailable` if input cannot be read and nothing was started
 */
export async function followOnce(run: PodProgram, signal: AbortSignal): Promise<FollowEnd> {
  const { client, pod, directory, state } = run;
  const command = cellScripts.follow(directory, new Date(), state.received);
  const session = await openSession(client, { pod, container: cellContainer }, command, { stdin: true });
  // From here on the cell may start the code, even if the connection breaks.
  state.mayHaveStarted = true;
  signal.addEventListener("abort", session.close, { once: true });
  if (signal.aborted) session.close();
  session.stdin.on("error", () => {});
  let hasAnswered = false;
  const delivery = startDelivery(run, session.stdin, () => {
    // Ignore the failure if the cell has answered: it already has its delivery and does not read another one. A broken
    // connection is reported by the session.
    if (!hasAnswered) session.close();
  });
  try {
    const received = await receive(run, session, signal, () => {
      hasAnswered = true;
    });
    return resultOf(received, delivery, directory);
  } finally {
    signal.removeEventListener("abort", session.close);
    session.close();
    // Otherwise a delivery that waits for its content would never finish.
    session.stdin.destroy();
    await delivery.over;
  }
}
