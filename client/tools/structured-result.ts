/**
 * The result of a tool for programs: limited in size, with the excerpt that the model is shown.
 *
 * @module
 */
import { z } from "zod";
import { type ExecutionResult, resultSchema, type StreamResult } from "#core/contract/result";
import { type CallResult, callResultSchema, callStatuses } from "#core/contract/session/result";
import { encode, excerptOf } from "./excerpt.ts";

const streamExcerpt = z.strictObject({
  text: z.string().describe("the stream, or its beginning if bytes are omitted"),
  tail: z.string().describe("the end of the stream if bytes are omitted; otherwise empty"),
  encoding: z.enum(["utf-8", "base64"]).describe("encoding of text and tail; base64 if the stream is not UTF-8"),
  bytes: z.int().min(0).describe("length of the whole stream in bytes"),
  omittedBytes: z.int().min(0).describe("number of omitted bytes between text and tail"),
  nextOffset: z.int().min(0).nullable().describe("offset at which read_output continues; null if nothing is omitted"),
});

const { shape } = resultSchema;
const { shape: callShape } = callResultSchema;

/** The schema of a tool's result. */
export const toolResultSchema = z.strictObject({
  id: shape.id,
  status: z.enum(callStatuses).describe("how the code ended; lost if this is unknown"),
  exitCode: shape.exitCode,
  signal: shape.signal,
  reason: shape.reason,
  stdout: streamExcerpt,
  stderr: streamExcerpt,
  files: z.array(z.strictObject({ name: z.string(), bytes: z.int().min(0), sha256: z.string() })),
  filesOmitted: shape.filesOmitted,
  notices: shape.notices,
  language: shape.language,
  backend: shape.backend,
  isolation: z.enum(["sandbox", "cluster", "none"]).nullable(),
  durationSeconds: z.number().nullable().describe("how long the code ran; null if it never started"),
  attempts: shape.attempts,
  session: z
    .strictObject({
      id: z.string(),
      call: callShape.call,
      kernel: callShape.kernel,
      restored: z.boolean().describe("whether the session continues in another cell, without its variables"),
      values: z.array(z.string()).describe("the text of the values that the code showed"),
    })
    .optional()
    .describe("set if the code ran in a session"),
});

/** The result of a tool. */
export type ToolResult = z.output<typeof toolResultSchema>;

function streamOf(stream: StreamResult): ToolResult["stdout"] {
  const { head, tail, bytes, omitted, isText } = excerptOf(stream);
  return {
    text: encode(head, isText),
    tail: encode(tail, isText),
    encoding: isText ? "utf-8" : "base64",
    bytes,
    omittedBytes: omitted,
    nextOffset: omitted === 0 ? null : head.length,
  };
}

/** How long the code ran, in seconds; null if it never started. */
function durationOf({ timings: { started, finished } }: Pick<CallResult, "timings">): number | null {
  return started === null ? null : Math.max(0, Date.parse(finished) - Date.parse(started)) / 1000;
}

/** Creates the result of a tool. */
export function structuredResult(result: ExecutionResult): ToolResult {
  const { id, status, exitCode, signal, reason, stdout, stderr, files, filesOmitted, notices } = result;
  return {
    id,
    status,
    exitCode,
    signal,
    reason,
    filesOmitted,
    ...(notices ? { notices } : {}),
    stdout: streamOf(stdout),
    stderr: streamOf(stderr),
    files: files.map(({ name, bytes, sha256 }) => ({ name, bytes, sha256 })),
    language: result.language,
    backend: result.backend,
    isolation: result.isolation?.level ?? null,
    durationSeconds: durationOf(result),
    attempts: result.attempts,
  };
}

/** Creates the result of a call of a session. @param values the text of what it has shown */
export function structuredCall(session: string, result: CallResult, values: readonly string[]): ToolResult {
  const { call, status, exitCode, signal, reason, stdout, stderr, files, filesOmitted, notices, kernel } = result;
  return {
    id: session,
    status,
    exitCode,
    signal,
    reason,
    filesOmitted,
    ...(notices ? { notices } : {}),
    // No tool reads on in the output of a call.
    stdout: { ...streamOf(stdout), nextOffset: null },
    stderr: { ...streamOf(stderr), nextOffset: null },
    files: files.map(({ name, bytes, sha256 }) => ({ name, bytes, sha256 })),
    language: result.language,
    backend: null,
    isolation: null,
    durationSeconds: durationOf(result),
    attempts: 1,
    session: { id: session, call, kernel, restored: result.restored !== null, values: [...values] },
  };
}
