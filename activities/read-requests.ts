import { text } from "node:stream/consumers";
import { aboutOf } from "#core/contract/about";
import type { BatchChunk } from "#core/contract/batch";
import { KgentsError } from "#core/contract/error";
import { validateRequest } from "#core/contract/parse-request";
import { requestHash } from "#core/contract/request-hash";
import { faultInChunk } from "#core/contract/workflow-inputs";
import { summaryOf } from "#core/text/request-details";
import type { BatchEntry } from "./contract.ts";
import type { ActivityDependencies } from "./dependencies.ts";
import { refuse } from "./inputs.ts";

/** Computes the fields that a client sets on a run. An invalid request gets no hash; its run refuses it. */
async function entryOf(request: unknown): Promise<BatchEntry> {
  const about = aboutOf(request);
  try {
    const spec = validateRequest(request);
    return { request, about, hash: await requestHash(spec), summary: summaryOf(spec) };
  } catch {
    return { request, about, hash: null, summary: about.title };
  }
}

function parsed(line: string, index: number): unknown {
  try {
    return JSON.parse(line);
  } catch (cause) {
    throw new KgentsError("invalid-request", `chunk: got a line ${index + 1} that is no JSON`, {
      field: "chunk",
      cause,
    });
  }
}

/** Reads a chunk of a batch's requests. */
export const readRequests =
  ({ store }: ActivityDependencies) =>
  async (chunk: BatchChunk): Promise<BatchEntry[]> => {
    refuse(faultInChunk(chunk));
    if ("requests" in chunk) return Promise.all(chunk.requests.map(entryOf));
    const lines = await text(await store.openBlob(chunk.artifact, chunk.bytes));
    const requests = lines
      .split("\n")
      .filter((line) => line !== "")
      .map(parsed);
    refuse(faultInChunk({ requests }));
    return Promise.all(requests.map(entryOf));
  };
