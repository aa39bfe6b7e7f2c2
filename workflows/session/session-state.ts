import { defineSearchAttributeKey } from "@temporalio/common";
import { setCurrentDetails, upsertSearchAttributes } from "@temporalio/workflow";
import type { ProvisionedCell } from "#activities/contract";
import { searchAttributes } from "#core/contract/names";
import type { SessionState } from "#core/contract/session/result";
import { formatDuration } from "#core/text/duration";
import { prose } from "#core/text/markdown";
import { list } from "#core/text/ui-details";
import type { LiveSession } from "./live-session.ts";

/** How many calls the UI shows. */
const shownCalls = 10;

const timeOf = (milliseconds: number): string => new Date(milliseconds).toISOString();

function statusOf({ memory, activity, ending }: LiveSession): SessionState["status"] {
  if (ending !== null) return "closed";
  if (memory.cell === null) return memory.latest === null ? "starting" : "paused";
  return activity === null ? "ready" : "running";
}

/** The answer to the query `state`. */
export function stateOf(live: LiveSession): SessionState {
  const { memory, turns, activity: now } = live;
  const { latest } = memory;
  return {
    status: statusOf(live),
    language: latest?.language ?? null,
    kernel: latest?.session?.kernel ?? null,
    backend: latest?.backend ?? null,
    isolation: latest?.isolation ?? null,
    ...(latest?.environment && { environment: latest.environment }),
    calls: memory.calls,
    waiting: Math.max(0, turns.length() - (now === null ? 0 : 1)),
    running: now && { call: now.call, kind: now.kind, title: now.title, since: timeOf(now.since) },
    checkpoint: memory.checkpoint,
    ...(memory.checkpointFailure !== null && { checkpointFailure: memory.checkpointFailure }),
    started: timeOf(memory.started),
    lastUsed: timeOf(memory.lastUsed),
    idleTimeout: latest?.session?.idleMilliseconds ?? null,
    expires: memory.ends === null ? null : timeOf(memory.ends),
  };
}

/** Shows the session in the Temporal UI. */
export function tellSession(live: LiveSession): void {
  const { status, language, backend, calls, checkpoint, checkpointFailure, expires } = stateOf(live);
  const lines = [
    `**Session**: ${status}`,
    `**Language**: ${prose(language ?? "not known yet")}`,
    `**Backend**: ${backend ?? "not chosen"}`,
    `**Calls**: ${calls}`,
    ...(checkpoint ? [`**Checkpoint**: ${checkpoint.bytes} bytes, ${checkpoint.at}`] : []),
    ...(checkpointFailure ? [`**Changes since then are not kept**: ${prose(checkpointFailure)}`] : []),
    ...(expires ? [`**Ends**: ${expires}`] : []),
  ];
  const latest = live.memory
    .entries()
    .slice(-shownCalls)
    .map(
      ({ call, status: how, milliseconds, title }) =>
        `${call}: ${how}, ${formatDuration(milliseconds)}: ${prose(title)}`,
    );
  setCurrentDetails([list(lines), ...(latest.length > 0 ? [`**Latest calls**\n\n${list(latest)}`] : [])].join("\n\n"));
}

const keyword = (name: string) => defineSearchAttributeKey(name, "KEYWORD");

/** Sets the search attributes of a session, whose first cell is ready or which ends. */
export function markSession(cell: ProvisionedCell, status: "running" | "closed" | "error"): void {
  if (!cell.searchAttributes) return;
  upsertSearchAttributes([
    { key: keyword(searchAttributes.language), value: cell.language },
    { key: keyword(searchAttributes.backend), value: cell.backend },
    { key: keyword(searchAttributes.status), value: status },
    ...(cell.requester ? [{ key: keyword(searchAttributes.requester), value: cell.requester }] : []),
  ]);
}
