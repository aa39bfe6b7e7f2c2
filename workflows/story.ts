/**
 * What a person sees who opens the run in the Temporal UI: what ran, for whom, where, how isolated, and what became of it.
 *
 * @module
 */
import { defineSearchAttributeKey } from "@temporalio/common";
import { setCurrentDetails, upsertSearchAttributes } from "@temporalio/workflow";
import type { ProvisionedCell } from "../activities/contract.ts";
import { formatDuration } from "../core/duration.ts";
import { type Phase, searchAttributes } from "../core/names.ts";
import type { ExecutionResult, Isolation } from "../core/result.ts";
import { fieldsOf } from "./raw-request.ts";

const keyword = (name: string) => defineSearchAttributeKey(name, "KEYWORD");
const keys = {
  language: keyword(searchAttributes.language),
  backend: keyword(searchAttributes.backend),
  status: keyword(searchAttributes.status),
  requester: keyword(searchAttributes.requester),
};

const phaseWords: Readonly<Record<Phase, string>> = {
  provisioning: "preparing a cell",
  executing: "running the code",
  "cleaning-up": "removing the cell",
  done: "done",
};

/** Code in a Markdown block that the code itself cannot close. */
function codeBlock(text: string): string {
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map(([ticks]) => ticks.length));
  const fence = "`".repeat(longest + 1);
  return `${fence}\n${text}\n${fence}`;
}

function isolationLines(isolation: Isolation): string[] {
  const { level, mechanism, ...limits } = isolation;
  return [
    `**Isolation**: ${level}, ${mechanism}`,
    ...Object.entries(limits).map(
      ([name, { enforced, by }]) => `- ${name}: ${enforced ? "" : "**not enforced**: "}${by}`,
    ),
  ];
}

function place(cell: ProvisionedCell): string {
  const why = cell.fallback ? ` (instead of ${cell.fallback.from}: ${cell.fallback.reason})` : "";
  return `**Backend**: ${cell.backend}${why}`;
}

function show(request: unknown, headline: string, cell: ProvisionedCell | undefined, more: string[]): void {
  const { title, language } = fieldsOf(request);
  const about = [
    headline,
    `**Language**: ${cell?.language ?? language ?? "python"}`,
    ...(cell?.requester ? [`**Requested by**: ${cell.requester}`] : []),
    ...(cell ? [place(cell)] : []),
  ];
  setCurrentDetails([about.join("  \n"), codeBlock(title), ...more].join("\n\n"));
}

/** Says where the run is. */
export function tell(phase: Phase, request: unknown, cell: ProvisionedCell | undefined): void {
  show(request, `**Phase**: ${phaseWords[phase]}`, cell, cell ? [isolationLines(cell.isolation).join("\n")] : []);
  if (phase === "executing" && cell?.searchAttributes) {
    upsertSearchAttributes([
      { key: keys.language, value: cell.language },
      { key: keys.backend, value: cell.backend },
      { key: keys.status, value: "running" },
      ...(cell.requester ? [{ key: keys.requester, value: cell.requester }] : []),
    ]);
  }
}

/** Says what became of the run. */
export function tellResult(result: ExecutionResult, request: unknown, cell: ProvisionedCell | undefined): void {
  const { timings } = result;
  const took = timings.started ? Date.parse(timings.finished) - Date.parse(timings.started) : undefined;
  const outcome = [
    `**Outcome**: ${result.status}${result.reason ? ` (${result.reason})` : ""}`,
    result.exitCode === null ? "" : `exit code ${result.exitCode}`,
    took === undefined ? "" : `${formatDuration(took)} of running`,
    `${result.stdout.bytes} bytes of stdout, ${result.stderr.bytes} of stderr`,
  ].filter((part) => part !== "");
  show(request, outcome.join(" · "), cell, result.isolation ? [isolationLines(result.isolation).join("\n")] : []);
  if (cell?.searchAttributes) upsertSearchAttributes([{ key: keys.status, value: result.status }]);
}
