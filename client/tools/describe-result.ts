import type { ExecutionResult, StreamResult } from "#core/contract/result";
import type { CallResult } from "#core/contract/session/result";
import { asText, excerptOf } from "./excerpt.ts";
import type { ShownFile } from "./output-files.ts";
import { chooseMark, idInLine, inLine, markMeaning, quote } from "./quote.ts";
import { type Shown, stateInWords } from "./session-call.ts";
import { structuredResult } from "./structured-result.ts";

/** What a model can change after each status. */
const advice: Partial<Readonly<Record<ExecutionResult["status"], string>>> = {
  "timed-out": "Raise `timeout`, or make the program faster.",
  "out-of-memory": "Raise `memory`, or make the program use less.",
  "output-limit": "Make the program write less, or write to a file that `outputs` names.",
  lost: "It is unknown whether the program ran to its end. Run it again only if running it twice does no harm.",
};

/** Tells the reader how to read omitted output; undefined if it has no tool for that. */
export type ReadOn = (target: { readonly stream: "stdout" | "stderr"; readonly offset: number }) => string;

/** How the code ended, as far as it is known, to follow the status. */
function endOf({ exitCode, signal }: ExecutionResult): string {
  if (signal !== null) return `, ended by ${signal}`;
  return exitCode === null ? "" : `, exit code ${exitCode}`;
}

function headline(result: ExecutionResult): string {
  const { status, language, backend, id } = result;
  const { durationSeconds } = structuredResult(result);
  const where = [
    language,
    ...(backend === null ? [] : [backend]),
    ...(durationSeconds === null ? [] : [`${durationSeconds} s`]),
    `run ${idInLine(id)}`,
  ];
  return `${status}${endOf(result)} (${where.join(", ")})`;
}

interface Section {
  /** What the code wrote. It must not contain the mark. */
  readonly untrusted: readonly string[];
  readonly render: (mark: string) => string;
}

function streamSection(name: "stdout" | "stderr", stream: StreamResult, readOn: ReadOn | undefined): Section {
  const { head, tail, bytes, omitted, isText } = excerptOf(stream);
  if (bytes === 0) return { untrusted: [], render: () => `${name}: empty` };
  const untrusted = [asText(head), asText(tail)];
  const remark = isText ? "" : `${name} is not UTF-8: invalid bytes are replaced below.\n`;
  const [first = "", last = ""] = untrusted;
  if (omitted === 0) return { untrusted, render: (mark) => `${remark}${quote(name, first, mark)}` };
  const how = readOn ? ` ${readOn({ stream: name, offset: head.length })}` : "";
  const gap = `${omitted} of the ${bytes} bytes of ${name} are omitted here.${how}`;
  return {
    untrusted,
    render: (mark) =>
      `${remark}${quote(`${name}-beginning`, first, mark)}\n${gap}\n${quote(`${name}-end`, last, mark)}`,
  };
}

function fileSection({ file, content }: ShownFile, readFileOn: ((name: string) => string) | undefined): Section {
  const title = `file ${inLine(file.name)} (${file.bytes} bytes)`;
  const described = (what: string): Section => ({ untrusted: [], render: () => `${title}: ${what}` });
  switch (content.kind) {
    case "text":
      return { untrusted: [content.text], render: (mark) => `${title}\n${quote("file", content.text, mark)}` };
    case "image":
      return described(`an image, ${content.mediaType}`);
    case "binary":
      return described("binary");
    default:
      return described(`${content.why}${readFileOn ? `; ${readFileOn(file.name)}` : ""}`);
  }
}

/** Tells the reader of a text how to get what it omits. */
export interface ReadingOn {
  readonly stream: ReadOn;
  readonly file: (name: string) => string;
}

/** Our own lines and the code's output, which is quoted. */
function compose(before: readonly string[], sections: readonly Section[], after: readonly string[]): string {
  const untrusted = sections.flatMap((section) => section.untrusted);
  const mark = chooseMark(untrusted);
  return [
    ...before,
    ...(untrusted.length === 0 ? [] : [markMeaning(mark)]),
    ...sections.map((section) => section.render(mark)),
    ...after,
  ].join("\n");
}

type Omissions = Pick<ExecutionResult, "filesOmitted">;

const omissions = ({ filesOmitted }: Omissions): string[] =>
  filesOmitted.map(
    ({ name, reason }) => `file ${name === "" ? "(several)" : inLine(name)} is not returned: ${inLine(reason)}`,
  );

/** Why the code ended as it did, and what can be changed. */
function explanation({ status, reason, notices = [] }: Pick<CallResult, "status" | "reason" | "notices">): string[] {
  const said = status === "interrupted" ? undefined : advice[status];
  return [
    ...(reason === null ? [] : [`reason: ${inLine(reason, 500)}`]),
    ...(said === undefined ? [] : [said]),
    ...notices.map((notice) => inLine(notice, 500)),
  ];
}

/** Describes a result for a model: the outcome of the code, then its output, quoted. */
export function describeResult(result: ExecutionResult, files: readonly ShownFile[], readingOn?: ReadingOn): string {
  const sections = [
    streamSection("stdout", result.stdout, readingOn?.stream),
    streamSection("stderr", result.stderr, readingOn?.stream),
    ...files.map((file) => fileSection(file, readingOn?.file)),
  ];
  const before = [
    headline(result),
    ...explanation({ ...result, notices: [] }),
    ...(result.fallback ? [`It ran in the local sandbox: ${inLine(result.fallback.reason)}`] : []),
    ...(result.isolation?.level === "none"
      ? ["It ran WITHOUT a sandbox, because the worker's configuration says so."]
      : []),
    ...(result.notices ?? []).map((notice) => inLine(notice, 500)),
  ];
  return compose(before, sections, omissions(result));
}

const displaySection = (text: string): Section => ({
  untrusted: [text],
  render: (mark) => quote("value", text, mark),
});

/** Describes a call of a session for a model: its outcome, what happened to the session, its output and values, quoted. */
export function describeCall(session: string, result: CallResult, files: readonly ShownFile[], shown: Shown): string {
  const end = result.exitCode === null ? "" : `, exit code ${result.exitCode}`;
  const before = [
    `${result.status}${end} (session ${idInLine(session)}, call ${result.call})`,
    ...stateInWords(result),
    ...explanation(result),
    ...shown.remarks,
    ...(shown.pictures.length > 0 ? [`Pictures: ${shown.pictures.length}`] : []),
  ];
  const sections = [
    streamSection("stdout", result.stdout, undefined),
    streamSection("stderr", result.stderr, undefined),
    ...shown.texts.map(displaySection),
    ...files.map((file) => fileSection(file, undefined)),
  ];
  return compose(before, sections, omissions(result));
}
