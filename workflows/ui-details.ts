/**
 * The details of a run in the Temporal UI: code, requester, backend, isolation and outcome.
 *
 * @module
 */
import { defineSearchAttributeKey } from "@temporalio/common";
import { ApplicationFailure, setCurrentDetails, upsertSearchAttributes } from "@temporalio/workflow";
import type { ProvisionedCell } from "#activities/contract";
import type { FailureDetails } from "#core/contract/failure";
import { type Phase, searchAttributes } from "#core/contract/names";
import type { ExecutionResult, Isolation } from "#core/contract/result";
import { formatDuration } from "#core/text/duration";
import { prose } from "#core/text/markdown";
import { askedBy, codeStory, list } from "#core/text/ui-details";
import { fieldsOf } from "./raw-request.ts";

const keyword = (name: string) => defineSearchAttributeKey(name, "KEYWORD");
const keys = {
  language: keyword(searchAttributes.language),
  backend: keyword(searchAttributes.backend),
  status: keyword(searchAttributes.status),
  requester: keyword(searchAttributes.requester),
};

const phaseWords: Readonly<Record<Phase, string>> = {
  provisioning: "a cell is prepared",
  executing: "the code runs",
  "cleaning-up": "the cell is removed",
  done: "nothing goes on any more",
};

function isolationStory({ level, mechanism, ...parts }: Isolation): string {
  const lines = Object.entries(parts).map(([name, { enforced, by }]) => {
    const words = name.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
    return `${words}: ${enforced ? "" : "**not enforced**: "}${prose(by)}`;
  });
  return [`**Isolation**: ${level}, ${prose(mechanism)}`, list(lines)].join("\n\n");
}

/** The backend, and why it was chosen. */
function place(cell: ProvisionedCell | undefined, asked: string | undefined): string {
  if (!cell) return "not chosen";
  const { backend, fallback } = cell;
  if (fallback) return `${backend}, instead of ${fallback.from}: ${prose(fallback.reason)}`;
  if (asked === backend) return `${backend}, as the request asks`;
  if (backend === "subprocess") return `${backend}, since no cluster is configured`;
  return `${backend}, since the request leaves the choice and a prepared cluster answers`;
}

function show(phase: Phase, request: unknown, cell: ProvisionedCell | undefined, outcome: string[] = []): void {
  const { language, requester, backend } = fieldsOf(request);
  const lines = [
    `**Phase**: ${phase} (${phaseWords[phase]})`,
    ...outcome,
    ...askedBy(cell?.language ?? language ?? "python", cell?.requester ?? requester),
    `**Backend**: ${place(cell, backend)}`,
  ];
  const isolation = cell ? isolationStory(cell.isolation) : "**Isolation**: there is no cell";
  setCurrentDetails([list(lines), codeStory(request), isolation].join("\n\n"));
}

/** Shows the phase of the run, and sets the search attributes when the code is executed. */
export function tell(phase: Phase, request: unknown, cell: ProvisionedCell | undefined): void {
  show(phase, request, cell);
  if (phase === "executing" && cell?.searchAttributes) {
    upsertSearchAttributes([
      { key: keys.language, value: cell.language },
      { key: keys.backend, value: cell.backend },
      { key: keys.status, value: "running" },
      ...(cell.requester ? [{ key: keys.requester, value: cell.requester }] : []),
    ]);
  }
}

/** Shows the result of the run, and sets the status search attribute. */
export function tellResult(result: ExecutionResult, request: unknown, cell: ProvisionedCell | undefined): void {
  const { timings, isolation, attempts } = result;
  const took = timings.started ? Date.parse(timings.finished) - Date.parse(timings.started) : undefined;
  const outcome = [
    `**Outcome**: ${result.status}${result.reason ? `: ${prose(result.reason)}` : ""}`,
    result.exitCode === null ? "" : `exit code ${result.exitCode}`,
    took === undefined ? "" : `${formatDuration(took)} of running`,
    attempts > 1 ? `${attempts} starts` : "",
    `${result.stdout.bytes} bytes of stdout, ${result.stderr.bytes} of stderr`,
  ].filter((part) => part !== "");
  show("done", request, cell && { ...cell, isolation: isolation ?? cell.isolation }, [outcome.join(" · ")]);
  if (cell?.searchAttributes) upsertSearchAttributes([{ key: keys.status, value: result.status }]);
}

/** Shows why the run could not be carried out and the remedy, and sets the status search attribute. */
export function tellFailure(failure: unknown, request: unknown, cell: ProvisionedCell | undefined): void {
  const { type, message, details } =
    failure instanceof ApplicationFailure ? failure : { type: "internal", message: String(failure), details: null };
  const { remedy } = (details?.[0] ?? {}) as Partial<FailureDetails>;
  show("done", request, cell, [
    `**Outcome**: not carried out (${type}): ${prose(message)}`,
    ...(remedy ? [`**What to do**: ${prose(remedy)}`] : []),
  ]);
  // `error` is the status in lists of runs. Only a provisioned cell tells whether the namespace has the attribute.
  if (cell?.searchAttributes) upsertSearchAttributes([{ key: keys.status, value: "error" }]);
}
