import { aboutOf } from "#core/contract/about";
import { aboutMemo, searchAttributes } from "#core/contract/names";
import { codeSessionWorkflow, sessionQueries } from "#core/contract/session/names";
import type { SessionState } from "#core/contract/session/result";
import { quoted } from "#platform/temporal/visibility-query";
import { toKgentsError } from "../failure.ts";
import type { RunInfo, RunService } from "../temporal/run-service.ts";

/** A session in the list of sessions. */
export interface SessionSummary {
  readonly id: string;
  /** `open` if no worker answers. The others are those of {@link SessionState}, and `error` and `terminated`. */
  readonly status: SessionState["status"] | "open" | "error" | "terminated";
  readonly language: string;
  readonly requester: string | null;
  readonly backend: string | null;
  /** Null if no worker answers. */
  readonly calls: number | null;
  readonly startedAt: Date;
  readonly closedAt: Date | null;
  readonly lastUsedAt: Date | null;
}

/** How long a worker may take to answer about one session, in milliseconds. */
const answerMilliseconds = 3000;

const endings: Partial<Record<RunInfo["status"], SessionSummary["status"]>> = {
  COMPLETED: "closed",
  CANCELLED: "closed",
  TERMINATED: "terminated",
};

async function summarise(service: RunService, info: RunInfo): Promise<SessionSummary> {
  const { workflowId: id, memo, status, startTime, closeTime } = info;
  const about = aboutOf(memo[aboutMemo]);
  const isOpen = status === "RUNNING";
  const asked = isOpen ? service.query({ workflowId: id }, sessionQueries.state, answerMilliseconds) : undefined;
  const state = (await asked?.catch(() => undefined)) as SessionState | undefined;
  const backend = info.searchAttributes[searchAttributes.backend]?.[0];
  return {
    id,
    status: isOpen ? (state?.status ?? "open") : (endings[status] ?? "error"),
    language: state?.language ?? about.language,
    requester: about.requester,
    backend: state?.backend ?? (typeof backend === "string" ? backend : null),
    calls: state?.calls ?? null,
    startedAt: state ? new Date(state.started) : startTime,
    closedAt: closeTime ?? null,
    lastUsedAt: state ? new Date(state.lastUsed) : null,
  };
}

/**
 * Lists the sessions of a task queue.
 *
 * @param closed whether closed ones are listed, too
 * @throws KgentsError `temporal-unavailable`
 */
export async function* listSessions(
  service: RunService,
  taskQueue: string,
  { closed = false }: { readonly closed?: boolean | undefined } = {},
): AsyncGenerator<SessionSummary> {
  const conditions = [`WorkflowType = ${quoted(codeSessionWorkflow)}`, `TaskQueue = ${quoted(taskQueue)}`];
  if (!closed) conditions.push("ExecutionStatus = 'Running'");
  try {
    for await (const info of service.list(conditions.join(" AND "))) {
      // The execution after it has the session.
      if (info.status !== "CONTINUED_AS_NEW") yield await summarise(service, info);
    }
  } catch (error) {
    throw toKgentsError(error, "");
  }
}
