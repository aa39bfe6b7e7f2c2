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

/** A session to start with the first update, unless one with its id is open. */
export interface SessionStart {
  readonly session: SessionRequest;
  readonly taskQueue: string;
  readonly memo: Readonly<Record<string, unknown>>;
  readonly summary: string;
}

/** The updates and queries of one session. */
export interface SessionUpdates {
  /** @throws KgentsError */
  readonly send: <Answer>(update: SessionUpdate, argument: unknown) => Promise<Answer>;
  /** @throws KgentsError */
  readonly ask: <Answer>(query: keyof typeof sessionQueries) => Promise<Answer>;
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

function failureOf(error: unknown, id: string): KgentsError {
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

  const sendOnce = async (update: SessionUpdate, argument: unknown, updateId: string): Promise<unknown> => {
    isStarted = true;
    const name = sessionUpdates[update];
    const answer =
      exists || start === undefined
        ? handle.executeUpdate(name, { args: [argument], updateId })
        : client.workflow.executeUpdateWithStart(name, {
            args: [argument],
            updateId,
            startWorkflowOperation: startOf(id, start),
          });
    return answer.then(
      (value) => {
        exists = true;
        return value;
      },
      (error) => {
        exists ||= problemOf(error)?.kind === "failed";
        throw error;
      },
    );
  };

  return {
    send: async <Answer>(update: SessionUpdate, argument: unknown) => {
      const updateId = randomUUID();
      const since = Date.now();
      for (;;) {
        try {
          return (await sendOnce(update, argument, updateId)) as Answer;
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
    isStarted: () => isStarted,
    isEnded: (error) => error instanceof KgentsError && endings.some((code) => code === error.code),
  };
}
