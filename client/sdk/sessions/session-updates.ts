/**
 * Sends the updates of a session. The first one starts it, if it is to be started: one round trip for both.
 *
 * @module
 */
import { randomUUID } from "node:crypto";
import { setTimeout as wait } from "node:timers/promises";
import { type Client, WithStartWorkflowOperation, type WorkflowHandle } from "@temporalio/client";
import { KgentsError } from "#core/contract/error";
import { codeSessionWorkflow, type SessionUpdate, sessionQueries, sessionUpdates } from "#core/contract/session/names";
import type { SessionRequest } from "#core/contract/session/session";
import { grpcStatus } from "#platform/temporal/grpc-status";
import { toKgentsError } from "../failure.ts";
import { isNotFound, problemOf } from "../temporal/problem.ts";

/** How long the server may be away during an update, in milliseconds. */
const awayMilliseconds = 120_000;
const pauseMilliseconds = 250;
/** How far the clocks of this host and of the server may be apart, in milliseconds. */
const clockMilliseconds = 300_000;

/** A session to start with the first update, unless one with its id is open. */
export interface SessionStart {
  readonly session: SessionRequest;
  readonly taskQueue: string;
  readonly memo: Readonly<Record<string, unknown>>;
  readonly summary: string;
}

/** The updates and queries of one session. */
export interface SessionUpdates {
  /** @param updateId @default a new one @throws KgentsError */
  readonly send: <Answer>(update: SessionUpdate, argument: unknown, updateId?: string) => Promise<Answer>;
  /** @throws KgentsError */
  readonly ask: <Answer>(query: keyof typeof sessionQueries) => Promise<Answer>;
  /** The memo of the session; undefined if none is open. @throws KgentsError */
  readonly memo: () => Promise<Readonly<Record<string, unknown>> | undefined>;
  /** Whether an update was sent. */
  readonly isStarted: () => boolean;
  /** Whether an error says that the session has ended. */
  readonly isEnded: (error: unknown) => boolean;
}

/** Whether the same update, with the same id, may be sent again. */
function mayPass(error: unknown): boolean {
  const problem = problemOf(error);
  if (problem?.kind === "failed") return problem.failure.type === "session-busy";
  return (
    problem?.kind === "unanswered" &&
    [grpcStatus.unavailable, grpcStatus.deadlineExceeded, grpcStatus.resourceExhausted].some(
      (code) => code === problem.code,
    )
  );
}

/** An update to send. */
interface Sent {
  readonly update: SessionUpdate;
  readonly argument: unknown;
  readonly updateId: string;
}

/** Whether a session may have been open since a time, although none is open now. */
async function wasOpen(handle: WorkflowHandle, since: number): Promise<boolean> {
  try {
    const { closeTime } = await handle.describe();
    return closeTime === undefined || closeTime.getTime() >= since - clockMilliseconds;
  } catch (error) {
    if (isNotFound(error)) return false;
    throw error;
  }
}

const endedUnseen = (id: string, cause: unknown): KgentsError =>
  new KgentsError("session-closed", `the session ${id} has ended; it is not known whether it carried out the call`, {
    cause,
  });

function failureOf(error: unknown, id: string): KgentsError {
  if (error instanceof KgentsError) return error;
  if (isNotFound(error)) return new KgentsError("not-found", `there is no open session ${id}`, { cause: error });
  return toKgentsError(error, id);
}

const endings = ["not-found", "session-closed", "session-lost"] as const;

const startOf = (workflowId: string, { session, taskQueue, memo, summary }: SessionStart) =>
  new WithStartWorkflowOperation(codeSessionWorkflow, {
    workflowId,
    taskQueue,
    args: [session],
    memo: { ...memo },
    staticSummary: summary,
    workflowIdConflictPolicy: "USE_EXISTING",
    workflowIdReusePolicy: "ALLOW_DUPLICATE",
  });

/** Sends the updates of a session by gRPC. @param start set if the session is started when there is none */
export function sessionUpdatesOf(client: Client, id: string, start: SessionStart | undefined): SessionUpdates {
  const handle: WorkflowHandle = client.workflow.getHandle(id);
  let isStarted = false;
  // Later updates must not start a session again that has ended.
  let exists = start === undefined;
  // When an update that starts the session was first sent without an answer: the server may have carried it out.
  let unansweredSince: number | undefined;

  const sendToOpen = async ({ update, argument, updateId }: Sent): Promise<unknown> => {
    const value = await handle.executeUpdate(sessionUpdates[update], { args: [argument], updateId });
    exists = true;
    return value;
  };
  const sendAndStart = async ({ update, argument, updateId }: Sent, startWith: SessionStart): Promise<unknown> => {
    const since = Date.now();
    const options = { args: [argument] as [unknown], updateId, startWorkflowOperation: startOf(id, startWith) };
    try {
      const value = await client.workflow.executeUpdateWithStart(sessionUpdates[update], options);
      exists = true;
      return value;
    } catch (error) {
      const kind = problemOf(error)?.kind;
      exists ||= kind === "failed";
      if (kind === "unanswered") unansweredSince ??= since;
      throw error;
    }
  };
  const sendOnce = async (sent: Sent): Promise<unknown> => {
    isStarted = true;
    if (exists || start === undefined) return sendToOpen(sent);
    if (unansweredSince === undefined) return sendAndStart(sent, start);
    try {
      return await sendToOpen(sent);
    } catch (error) {
      if (!isNotFound(error)) throw error;
      if (await wasOpen(handle, unansweredSince)) throw endedUnseen(id, error);
      return sendAndStart(sent, start);
    }
  };

  return {
    send: async <Answer>(update: SessionUpdate, argument: unknown, updateId: string = randomUUID()) => {
      const since = Date.now();
      for (;;) {
        try {
          return (await sendOnce({ update, argument, updateId })) as Answer;
        } catch (error) {
          if (!mayPass(error) || Date.now() - since > awayMilliseconds) throw failureOf(error, id);
          await wait(pauseMilliseconds);
        }
      }
    },
    ask: async <Answer>(query: keyof typeof sessionQueries) => {
      try {
        return (await handle.query(sessionQueries[query])) as Answer;
      } catch (error) {
        throw failureOf(error, id);
      }
    },
    memo: async () => {
      try {
        const { memo, closeTime } = await handle.describe();
        return closeTime === undefined ? (memo ?? {}) : undefined;
      } catch (error) {
        if (isNotFound(error)) return undefined;
        throw failureOf(error, id);
      }
    },
    isStarted: () => isStarted,
    isEnded: (error) => error instanceof KgentsError && endings.some((code) => code === error.code),
  };
}
