import { text } from "node:stream/consumers";
import { aboutOf } from "../core/about.ts";
import type { BatchChunk } from "../core/batch.ts";
import { validateRequest } from "../core/parse-request.ts";
import { requestHash } from "../core/request-hash.ts";
import { summaryOf } from "../core/request-story.ts";
import type { BatchEntry } from "./contract.ts";
import type { ActivityDependencies } from "./dependencies.ts";

/** What the batch gives a run of its own client's making; one that is refused gets no hash, and is refused by its run. */
async function entryOf(request: unknown): Promise<BatchEntry> {
  const about = aboutOf(request);
  try {
    const spec = validateRequest(request);
    return { request, about, hash: await requestHash(spec), summary: summaryOf(spec) };
  } catch {
    return { request, about, hash: null, summary: about.title };
  }
}

/** Reads a chunk of a batch's requests. */
export const readRequests =
  ({ store }: ActivityDependencies) =>
  async (chunk: BatchChunk): Promise<BatchEntry[]> => {
    if ("requests" in chunk) return Promise.all(chunk.requests.map(entryOf));
    const lines = await text(await store.openBlob(chunk.artifact, chunk.bytes));
    return Promise.all(
      lines
        .split("\n")
        .filter((line) => line !== "")
        .map((line) => entryOf(JSON.parse(line))),
    );
  };
