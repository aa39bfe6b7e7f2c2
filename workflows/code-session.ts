import {
  allHandlersFinished,
  CancellationScope,
  condition,
  defineQuery,
  defineUpdate,
  isCancellation,
  log,
  makeContinueAsNewFunc,
  setHandler,
  workflowInfo,
} from "@temporalio/workflow";
import { faultInSession, faultInSettings, faultInUpdate } from "#core/contract/session/inputs";
import { type SessionUpdate, sessionQueries, sessionUpdates } from "#core/contract/session/names";
import type { CallEntry, SessionEnd, SessionState } from "#core/contract/session/result";
import { failureOf, refuse } from "./failure.ts";
import { forgetting } from "./phases.ts";
import type { SessionSettings } from "./session/carried.ts";
import { runClocks } from "./session/clocks.ts";
import {
  carryOut,
  createLiveSession,
  endOf,
  endSession,
  type LiveSession,
  sessionClosed,
} from "./session/live-session.ts";
import { createMemory } from "./session/memory.ts";
import { markSession, stateOf, tellSession } from "./session/session-state.ts";

/** The number of updates after which an execution is continued as soon as no update is in progress. */
const usualUpdates = 900;
/** The number of updates more at which further ones are refused, so that one can be continued. A server allows 2,000. */
const moreUpdates = 600;
/**
 * The size of a history after which an execution is continued, in bytes. At twice this size, further updates are refused:
 * a server ends an execution at 50 MiB, and has up to ten updates in progress, each with up to 4 MiB of history.
 */
const usualHistory = 4 * 1024 * 1024;

/** The bounds of one execution. */
interface Bounds {
  readonly updates: number;
  readonly history: number;
}

/** Serves the updates and queries of a session. Counts the updates of this execution. */
function serve(live: LiveSession, bounds: Bounds): () => number {
  let count = 0;
  const validate = (kind: SessionUpdate) => (argument: unknown) => {
    refuse(faultInUpdate(kind, argument));
    if (live.ending !== null && kind !== "close") throw sessionClosed();
    if (count >= bounds.updates + moreUpdates || workflowInfo().historySize > 2 * bounds.history) {
      throw failureOf("session-busy", "the session continues in another execution as soon as no update is in progress");
    }
  };
  for (const kind of Object.keys(sessionUpdates) as SessionUpdate[]) {
    const handle = (argument: unknown): Promise<unknown> => {
      count += 1;
      tellSession(live);
      return carryOut(live, kind, argument).finally(() => tellSession(live));
    };
    setHandler(defineUpdate<unknown, [unknown]>(sessionUpdates[kind]), handle, { validator: validate(kind) });
  }
  setHandler(defineQuery<SessionState>(sessionQueries.state), () => stateOf(live));
  setHandler(defineQuery<readonly CallEntry[]>(sessionQueries.calls), () => [...live.memory.entries()]);
  return () => count;
}

/** Whether this execution has become long, or the version of its workers is to be left. */
function isLong(updates: number, bounds: Bounds): boolean {
  const { historySize, continueAsNewSuggested, targetWorkerDeploymentVersionChanged } = workflowInfo();
  return (
    updates >= bounds.updates ||
    historySize > bounds.history ||
    continueAsNewSuggested ||
    targetWorkerDeploymentVersionChanged === true
  );
}

/** Continues the session in a new execution, on the current version of the workers. */
function goOn(session: unknown, settings: SessionSettings): Promise<never> {
  const isVersioned = Boolean(workflowInfo().currentDeploymentVersion?.deploymentName);
  const next = makeContinueAsNewFunc<typeof codeSession>(
    isVersioned ? { initialVersioningBehavior: "AUTO_UPGRADE" } : {},
  );
  return next(session, settings);
}

/** Waits until the session ends, or has to be continued in another execution. */
async function live(session: LiveSession, mustGoOn: () => boolean): Promise<"ended" | "continues"> {
  const isOver = () => session.ending !== null || session.fatal !== undefined;
  const mayGoOn = () => mustGoOn() && allHandlersFinished() && session.turns.length() === 0;
  const clocks = new CancellationScope();
  const ticking = clocks.run(() => runClocks({ ...session, end: (reason) => endSession(session, reason) }));
  ticking.catch((error) => {
    if (!isCancellation(error)) log.error("a clock of the session has stopped", { error: String(error) });
  });
  try {
    await condition(() => isOver() || mayGoOn());
  } catch (error) {
    if (!isCancellation(error)) throw error;
    endSession(session, "cancelled");
  } finally {
    clocks.cancel();
  }
  return isOver() ? "ended" : "continues";
}

/** Lets the store remove the latest checkpoint. Never fails: the store keeps it until the session's maximum age. */
async function forgetFiles(): Promise<void> {
  try {
    await forgetting().forgetCheckpoint({ firstRunId: workflowInfo().firstExecutionRunId });
  } catch (error) {
    log.warn("the latest checkpoint stays in the store for some time", { error: String(error) });
  }
}

/** Removes the cell, and answers what still waits. */
const finish = (session: LiveSession): Promise<SessionEnd> =>
  CancellationScope.nonCancellable(async () => {
    const { memory, keeper, turns } = session;
    await condition(() => turns.length() === 0);
    await keeper.drop("the session has ended");
    if (memory.checkpoint !== null && memory.checkpoint.ref !== null) await forgetFiles();
    session.isOver = true;
    tellSession(session);
    if (memory.latest) markSession(memory.latest, session.fatal ? "error" : "closed");
    await condition(allHandlersFinished);
    return endOf(session);
  });

/**
 * A session: a cell that keeps files, and in some languages names, between calls. Calls come as updates, and run one at
 * a time.
 *
 * Completes when it is closed, cancelled or too old. Fails if it never had a cell, or must not continue in another one.
 *
 * @param session see `kgents schema session` and docs/schema; defaults are applied and bounds checked by the activities
 * @param settings what the execution before passes on; not part of the contract with other SDKs
 */
export async function codeSession(session?: unknown, settings?: SessionSettings): Promise<SessionEnd> {
  refuse(faultInSession(session) ?? faultInSettings(settings));
  const isContinued = workflowInfo().continuedFromExecutionRunId !== undefined;
  const memory = createMemory(isContinued ? settings?.from : undefined);
  const bounds = { updates: settings?.updates ?? usualUpdates, history: settings?.history ?? usualHistory };
  const current = createLiveSession(session, memory);
  const updates = serve(current, bounds);
  tellSession(current);
  const end = await live(current, () => isLong(updates(), bounds));
  if (end === "continues") return goOn(session, { ...settings, from: memory.carried(current.keeper.where.place) });
  const result = await finish(current);
  if (current.fatal) throw current.fatal;
  log.info("the session is over", { ...result });
  return result;
}
