/**
 * Formats the details of a run.
 *
 * @module
 */

import { limitsInWords } from "#core/contract/limits-in-words";
import { requestSchema } from "#core/contract/request";
import type { Isolation } from "#core/contract/result";
import { formatDuration } from "#core/text/duration";
import { formatBytes } from "#core/text/quantity";
import type { RunFailure } from "../../sdk/failure.ts";
import type { RunDetails, RunTimings } from "../../sdk/runs/inspect-run.ts";
import { waitingInWords } from "../../sdk/runs/waiting.ts";
import { colour, plain } from "../terminal/terminal-text.ts";
import { shorten } from "../terminal/text-width.ts";
import { ageInWords } from "./age.ts";
import { barChart, type Stretch } from "./bar-chart.ts";
import { colourState } from "./format-run.ts";

const nameWidth = 11;

/** Formats a line: its name, our own coloured text, then untrusted text. */
const row = (name: string, text: string, coloured = ""): string =>
  colour("dim", name.padEnd(nameWidth)) + coloured + plain(text);

/** The phases of a run that have begun. The last one may not have ended. */
export function stretchesOf({ queued, provisioned, started, finished, closed }: RunTimings, now: Date): Stretch[] {
  const moments = [
    { name: "preparing", from: queued },
    { name: "starting", from: provisioned },
    { name: "running", from: started },
    { name: "cleaning up", from: finished },
  ].flatMap(({ name, from }) => (from ? [{ name, from }] : []));
  return moments.map(({ name, from }, index) => {
    const end = moments[index + 1]?.from ?? closed;
    return { name, from, to: end ?? now, open: end === null };
  });
}

function isolationRows(isolation: Isolation): string[] {
  const { level, mechanism, ...parts } = isolation;
  return [
    row("Isolation", `${level}, ${mechanism}`),
    ...Object.entries(parts).map(
      ([name, { enforced, by }]) =>
        `  ${name.padEnd(nameWidth)}${enforced ? "" : colour("red", "NOT ENFORCED: ")}${plain(by)}`,
    ),
  ];
}

/** Aligns the further lines of a message under its first one. */
const failureRows = ({ kind, message, remedy }: RunFailure): string[] =>
  `${kind}: ${message}\n${remedy}`.split("\n").map((line, index) => row(index === 0 ? "Failure" : "", line));

function outcome({ status, phase, waiting, result }: RunDetails): string {
  if (waiting) return `, ${waitingInWords(waiting)}`;
  if (status === "running") return phase === null ? "" : `, ${phase}`;
  const code = result?.exitCode ?? null;
  const exit = code === null ? "" : `, exit code ${code}`;
  return `${exit}${result?.reason ? `: ${result.reason}` : ""}`;
}

const moment = (date: Date, now: Date): string =>
  `${date.toISOString()} (${ageInWords((now.getTime() - date.getTime()) / 1000)})`;

function resultRows({ result }: RunDetails): string[] {
  if (!result) return [];
  const { stdout, stderr, usage, attempts } = result;
  const used = [
    ...(usage.peakMemoryBytes === null ? [] : [`${formatBytes(usage.peakMemoryBytes)} of memory (peak)`]),
    ...(usage.cpuSeconds === null ? [] : [`${formatDuration(usage.cpuSeconds * 1000)} of cpu time`]),
    ...(attempts > 1 ? [`${attempts} starts`] : []),
  ];
  return [
    row("Output", `${stdout.bytes} bytes of stdout, ${stderr.bytes} of stderr`),
    ...(used.length > 0 ? [row("Used", used.join(", "))] : []),
    ...result.files.map(({ name, bytes }) => row("File", `${name} (${bytes} bytes)`)),
    ...result.filesOmitted.map(({ name, reason }) => row("No file", `${name}: ${reason}`)),
    ...(result.notices ?? []).map((notice) => row("Note", notice)),
  ];
}

/** What `kgents show` prints. */
export function detailsInWords(run: RunDetails, ui: string | undefined, now: Date, columns?: number): string {
  const { status, failure, fallback, backend, labels } = run;
  const { success, data } = requestSchema.safeParse(run.request);
  const code = plain(run.title);
  const pairs = Object.entries(labels).map(([key, value]) => `${key}=${value}`);
  return [
    row("Run", run.id),
    row("Status", outcome(run), colourState(status, status)),
    ...(failure ? failureRows(failure) : []),
    row("Language", run.language),
    row("Code", columns === undefined ? code : shorten(code, columns - nameWidth)),
    ...(run.requester === null ? [] : [row("Requester", run.requester)]),
    ...(pairs.length === 0 ? [] : [row("Labels", pairs.join(", "))]),
    ...(success ? [row("Limits", limitsInWords(data))] : []),
    ...(backend === null ? [] : [row("Backend", backend)]),
    ...(fallback ? [row("", `instead of ${fallback.from}: ${fallback.reason}`)] : []),
    ...(run.isolation ? isolationRows(run.isolation) : []),
    row("Started", moment(run.startedAt, now)),
    ...(run.closedAt ? [row("Ended", moment(run.closedAt, now))] : []),
    row("Phases", ""),
    ...barChart(stretchesOf(run.timings, now), (columns ?? 80) - 2).map((line) => `  ${line}`),
    ...resultRows(run),
    ...(ui === undefined ? [] : [row("UI", ui)]),
    "",
  ]
    .map((line) => line.trimEnd())
    .join("\n");
}
