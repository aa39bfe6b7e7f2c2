/**
 * A run's output so far, without waiting for more.
 *
 * @module
 */
import { maximumStarts } from "#core/contract/request";
import type { ExecutionResult } from "#core/contract/result";
import type { ArtifactStore } from "#platform/store/artifact-store";
import { type StreamName, streamReference } from "#platform/store/references";
import type { RunReference, RunService } from "../temporal/run-service.ts";
import { type OutputEvent, remainingOutput } from "./event.ts";
import { newestHeartbeat } from "./follow-heartbeat.ts";

const streams: readonly StreamName[] = ["stdout", "stderr"];

/**
 * Reads the output of all attempts of a run from the artifact store.
 *
 * @param result the result of a closed run, if it has one. It adds output that the store no longer has
 */
export async function* glanceAtStore(
  store: ArtifactStore,
  key: string,
  result: ExecutionResult | undefined,
): AsyncGenerator<OutputEvent> {
  const sizes = await store.list(key);
  const read = { stdout: 0, stderr: 0 };
  for (let attempt = 1; attempt <= (result?.attempts ?? maximumStarts); attempt += 1) {
    for (const stream of streams) {
      const reference = streamReference(key, attempt, stream);
      let offset = 0;
      for await (const chunk of store.read(reference, 0, sizes.get(reference) ?? 0)) {
        const bytes: Buffer = chunk;
        yield { type: "output", stream, offset, bytes };
        offset += bytes.length;
      }
      read[stream] = offset;
    }
  }
  if (!result) return;
  for (const stream of streams) yield* remainingOutput(stream, read[stream], result[stream]);
}

/** Reads the output of an open run from its latest heartbeat, and that of a closed one from its result. */
export async function* glanceAtHeartbeat(
  service: RunService,
  run: RunReference,
  result: ExecutionResult | undefined,
): AsyncGenerator<OutputEvent> {
  if (result) {
    for (const stream of streams) yield* remainingOutput(stream, 0, result[stream]);
    return;
  }
  const heartbeat = await newestHeartbeat(service, run);
  for (const stream of streams) {
    const length = heartbeat?.bytes?.[stream] ?? 0;
    const window = heartbeat?.live?.[stream];
    const bytes = Buffer.from(window?.base64 ?? "", "base64");
    const offset = window?.offset ?? length;
    if (offset > 0) yield { type: "omitted", stream, offset: 0, length: offset };
    if (bytes.length > 0) yield { type: "output", stream, offset, bytes };
  }
}
