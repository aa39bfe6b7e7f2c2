import { Readable } from "node:stream";
import {
  type BatchChunk,
  batchSizes,
  maximumBatchRuns,
  maximumChunkBytes,
  maximumChunkRuns,
} from "#core/contract/batch";
import { KgentsError } from "#core/contract/error";
import { validateRequest } from "#core/contract/parse-request";
import { type ExecutionRequest, maximumRequestBytes } from "#core/contract/request";
import { requestHash, sha256 } from "#core/contract/request-hash";
import type { ArtifactStore } from "#platform/store/artifact-store";
import { offloadRequest } from "../offload.ts";

/** The requests of a batch, packed for its workflow. */
export interface PackedBatch {
  readonly chunks: readonly BatchChunk[];
  readonly total: number;
  /** The requester of the first request. */
  readonly requester: string | undefined;
  /** A hash over all requests, in order. */
  readonly hash: string;
}

const refuse = (field: string, message: string, remedy?: string): KgentsError =>
  new KgentsError("invalid-request", `${field}: ${message}`, { field, remedy });

/** Adds the request's number to an error's message. */
function inRequest(number: number, error: unknown): unknown {
  if (!(error instanceof KgentsError)) return error;
  const { code, message, field, remedy } = error;
  return new KgentsError(code, `request ${number}: ${message}`, { cause: error, field, remedy });
}

async function pack(
  request: ExecutionRequest,
  store: ArtifactStore | undefined,
): Promise<{ line: string; hash: string }> {
  const hash = await requestHash(validateRequest(request));
  const line = JSON.stringify(await offloadRequest(request, store, batchSizes.contentBytes));
  const bytes = Buffer.byteLength(line);
  const { requestBytes } = store ? batchSizes.stored : batchSizes.inline;
  if (bytes > requestBytes) {
    const parts = store ? " without code, stdin and files" : "";
    throw refuse("request", `got ${bytes} bytes of JSON${parts}; allowed are ${requestBytes} in a batch`);
  }
  return { line, hash };
}

/**
 * Validates all requests of a batch and packs them into chunks. The chunks go to the artifact store if it can be
 * reached.
 *
 * @throws KgentsError `invalid-request`, which names the request; nothing was started
 */
export async function packBatch(
  requests: Iterable<ExecutionRequest> | AsyncIterable<ExecutionRequest>,
  store: ArtifactStore | undefined,
): Promise<PackedBatch> {
  const chunks: BatchChunk[] = [];
  const hashes: string[] = [];
  let lines: string[] = [];
  let bytes = 0;
  let inlineBytes = 0;
  let requester: string | undefined;
  const close = async (): Promise<void> => {
    if (lines.length === 0) return;
    inlineBytes += store ? 0 : bytes;
    if (inlineBytes > maximumRequestBytes) {
      const remedy =
        "Share the artifact store with the worker (`artifacts` in the configuration), or split the requests into several batches.";
      const allowed = `${maximumRequestBytes} if the workers' artifact store is not available`;
      throw refuse("requests", `got too many bytes of JSON; allowed are ${allowed}`, remedy);
    }
    chunks.push(
      store
        ? await store.putBlob(Readable.from([Buffer.from(`${lines.join("\n")}\n`)]))
        : { requests: lines.map((line) => JSON.parse(line)) },
    );
    lines = [];
    bytes = 0;
  };
  for await (const request of requests) {
    if (hashes.length === maximumBatchRuns)
      throw refuse("requests", `got more than ${maximumBatchRuns}; that is the maximum`);
    const { line, hash } = await pack(request, store).catch((error) => {
      throw inRequest(hashes.length + 1, error);
    });
    if (hashes.length === 0) requester = request.requester;
    const size = Buffer.byteLength(line) + 1;
    if (lines.length === maximumChunkRuns || bytes + size > maximumChunkBytes) await close();
    lines.push(line);
    bytes += size;
    hashes.push(hash);
  }
  await close();
  if (hashes.length === 0) throw refuse("requests", "got none; allowed is at least one request");
  return { chunks, requester, total: hashes.length, hash: await sha256(hashes.join("\n")) };
}
