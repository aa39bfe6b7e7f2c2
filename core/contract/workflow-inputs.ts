/**
 * Validation of workflow inputs other than the request. Checked first, because anyone with access to the namespace can
 * start a workflow. Plain functions, because workflows must not import zod. Every input that version 0.1.0 sends is
 * accepted.
 *
 * @module
 */

import { defaultStreamBudget } from "../text/bounded-stream.ts";
import { isRecord } from "../text/is-record.ts";
import {
  type BatchInput,
  maximumBatchConcurrency,
  maximumBatchRuns,
  maximumChunkBytes,
  maximumChunkRuns,
} from "./batch.ts";
import { maximumDepth, tooDeep } from "./nesting.ts";

/** A validation error: the field, and a message with the field, the received value and what is allowed. */
export interface InputFault {
  readonly field: string;
  readonly message: string;
}

/** The maximum of `ResultLimits.fileBytes`. */
const maximumFileBytes = 64 * 1024;
/** The longest `ttl` of a request, in milliseconds. */
const maximumTtl = 7 * 86_400_000;
/** The maximum number of distinct outcomes. There are eight: the statuses and `error`. */
const maximumOutcomes = 10;

type Fields = Readonly<Record<string, unknown>>;

const shown = (value: unknown): string =>
  (value === undefined ? "nothing" : JSON.stringify(value)?.slice(0, 100)) ?? "a value that is not JSON";

const fault = (field: string, value: unknown, allowed: string): InputFault => ({
  field,
  message: `${field}: got ${shown(value)}; allowed is ${allowed}`,
});

function wholeNumber(field: string, value: unknown, from: number, to: number): InputFault | undefined {
  const isAllowed = typeof value === "number" && Number.isInteger(value) && value >= from && value <= to;
  return isAllowed ? undefined : fault(field, value, `a whole number from ${from} to ${to}`);
}

function unknownField(field: string, value: Fields, known: readonly string[]): InputFault | undefined {
  const more = Object.keys(value).find((name) => !known.includes(name));
  return more === undefined ? undefined : fault(field, more, `only the fields ${known.join(", ")}`);
}

/** The maximum number of path segments in a field name: enough for a field of a request within a batch. */
const maximumNames = 5;
/** The maximum length of a path segment. */
const maximumName = 40;

const isIndex = (name: string): boolean => /^\d+$/.test(name);

/**
 * The field name of a path into an input, such as `chunks[0].requests[3].env`; empty if the path has only list indices.
 */
function fieldOn(way: readonly string[]): string {
  const names = way.slice(0, maximumNames);
  return names
    .slice(0, names.findLastIndex((name) => !isIndex(name)) + 1)
    .map((name) => (isIndex(name) ? `[${name}]` : `.${name.slice(0, maximumName)}`))
    .join("")
    .replace(/^\./, "")
    .toWellFormed();
}

/**
 * Checks the nesting depth of an input. Must run before any other use of the input: serializing or cloning a value that
 * is nested too deep overflows the stack, and a workflow task that fails this way is retried forever.
 *
 * @param whole the name for the input itself
 */
export function faultInDepth(whole: string, input: unknown): InputFault | undefined {
  const way = tooDeep(input);
  if (way === undefined) return undefined;
  const field = fieldOn(way) || whole;
  const message = `${field}: got lists or objects nested more than ${maximumDepth} deep; allowed is at most ${maximumDepth}`;
  return { field, message };
}

/** Checks the limits of a result, which are optional. */
export function faultInLimits(limits: unknown): InputFault | undefined {
  if (limits === undefined || limits === null) return undefined;
  const tooDeepAt = faultInDepth("limits", { limits });
  if (tooDeepAt) return tooDeepAt;
  if (!isRecord(limits)) return fault("limits", limits, "an object");
  const { streamBytes, fileBytes } = limits;
  return (
    unknownField("limits", limits, ["streamBytes", "fileBytes"]) ??
    (streamBytes === undefined ? undefined : wholeNumber("limits.streamBytes", streamBytes, 0, defaultStreamBudget)) ??
    (fileBytes === undefined ? undefined : wholeNumber("limits.fileBytes", fileBytes, 0, maximumFileBytes))
  );
}

/** Checks a chunk of a batch's requests. */
export function faultInChunk(chunk: unknown, field = "chunk"): InputFault | undefined {
  const tooDeepAt = faultInDepth(field, { [field]: chunk });
  if (tooDeepAt) return tooDeepAt;
  if (!isRecord(chunk)) return fault(field, chunk, "an object with requests, or with artifact and bytes");
  const { requests, artifact, bytes } = chunk;
  if (requests === undefined) {
    if (typeof artifact !== "string" || !/^[0-9a-f]{64}$/.test(artifact)) {
      return fault(`${field}.artifact`, artifact, "a SHA-256 in hexadecimal");
    }
    return wholeNumber(`${field}.bytes`, bytes, 1, maximumChunkBytes);
  }
  if (!Array.isArray(requests)) return fault(`${field}.requests`, requests, "a list");
  return wholeNumber(`${field}.requests.length`, requests.length, 1, maximumChunkRuns);
}

function faultInFrom(from: unknown, { total, chunks }: Pick<BatchInput, "total" | "chunks">): InputFault | undefined {
  if (from === undefined || from === null) return undefined;
  if (!isRecord(from) || !isRecord(from.progress) || !isRecord(from.progress.outcomes)) {
    return fault("from", from, "a chunk and the progress up to it");
  }
  const { started, outcomes } = from.progress;
  const counts = Object.entries(outcomes);
  return (
    wholeNumber("from.chunk", from.chunk, 0, chunks.length) ??
    wholeNumber("from.progress.started", started, 0, total) ??
    wholeNumber("from.progress.outcomes", counts.length, 0, maximumOutcomes) ??
    counts.map(([name, count]) => wholeNumber(`from.progress.outcomes.${name}`, count, 0, total)).find(Boolean)
  );
}

/** Checks the input of `executeBatch`. */
export function faultInBatch(input: unknown): InputFault | undefined {
  const tooDeepAt = faultInDepth("batch", input);
  if (tooDeepAt) return tooDeepAt;
  if (!isRecord(input)) return fault("batch", input, "an object");
  const { chunks, total, concurrency, limits, from } = input;
  if (typeof total !== "number") return wholeNumber("total", total, 1, maximumBatchRuns);
  if (!Array.isArray(chunks)) return fault("chunks", chunks, "a list");
  return (
    wholeNumber("total", total, 1, maximumBatchRuns) ??
    wholeNumber("concurrency", concurrency, 1, maximumBatchConcurrency) ??
    // Each chunk has at least one request.
    wholeNumber("chunks.length", chunks.length, 1, total) ??
    chunks.map((chunk, index) => faultInChunk(chunk, `chunks[${index}]`)).find(Boolean) ??
    faultInLimits(limits) ??
    faultInFrom(from, { total, chunks })
  );
}

/** Checks the input of `reapCell` or of one of its activities. */
export function faultInReap(input: unknown): InputFault | undefined {
  const tooDeepAt = faultInDepth("cell", input);
  if (tooDeepAt) return tooDeepAt;
  if (!isRecord(input)) return fault("cell", input, "an object");
  const { cellId, backend, ttlMilliseconds, requester } = input;
  if (typeof cellId !== "string" || !/^kgents-[a-z0-9-]{1,60}$/.test(cellId)) {
    return fault("cellId", cellId, "the id of a cell");
  }
  if (backend !== "kubernetes") return fault("backend", backend, "kubernetes: other cells are cleaned up, not reaped");
  if (requester !== undefined && requester !== null && (typeof requester !== "string" || requester.length > 1000)) {
    return fault("requester", requester, "a string, or null");
  }
  return wholeNumber("ttlMilliseconds", ttlMilliseconds, 0, maximumTtl);
}
