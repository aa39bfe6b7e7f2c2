/**
 * Names in the artifact store. Everything of one run lies under one flat folder, so that one watch sees all of it.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { KgentsError } from "#core/contract/error";

/** The name of an output stream. */
export type StreamName = "stdout" | "stderr";

/** The key of a run, from its workflow id and run id. It is a valid file name whatever the ids. */
export function runKey(workflowId: string, runId: string): string {
  return createHash("sha256").update(`${workflowId}\0${runId}`).digest("hex").slice(0, 32);
}

/** The key of one program of a session, by its cell and its number in it. Each has a folder of its own. */
export const programKey = (workflowId: string, cellId: string, n: number): string =>
  runKey(workflowId, `${cellId}\0${n}`);

/** The folder of a run in the store. */
export const runFolder = (key: string): string => `runs/${key}`;

/** The key of the run that an artifact of a run belongs to. */
export const keyOf = (reference: string): string => checkReference(reference).split("/")[1] ?? "";

/** The reference of one stream of one attempt (1, 2, ...) of the code. */
export const streamReference = (key: string, attempt: number, stream: StreamName): string =>
  `${runFolder(key)}/${attempt}.${stream}`;

/** The reference of an output file, by its position in the result. */
export const fileReference = (key: string, attempt: number, index: number): string =>
  `${runFolder(key)}/${attempt}.file.${index}`;

/** The reference of a value that a call has shown, by its position among those that are stored. */
export const displayReference = (key: string, attempt: number, index: number): string =>
  `${runFolder(key)}/${attempt}.display.${index}`;

/** The reference of content by its SHA-256. */
export const blobReference = (sha256: string): string => `blobs/${sha256}`;

const referencePattern = /^(?:runs\/[0-9a-f]{32}\/\d+\.(?:stdout|stderr|(?:file|display)\.\d+)|blobs\/[0-9a-f]{64})$/;

/**
 * Accepts only names that this module makes, because references also come from results and requests.
 *
 * @throws KgentsError `invalid-request`
 */
export function checkReference(reference: string): string {
  if (referencePattern.test(reference)) return reference;
  throw new KgentsError("invalid-request", `${JSON.stringify(reference)} is no reference into the artifact store`);
}
