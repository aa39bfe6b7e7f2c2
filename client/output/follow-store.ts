import { watch } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { ArtifactStore } from "../../activities/store/artifact-store.ts";
import { type StreamName, streamReference } from "../../activities/store/references.ts";
import type { ExecutionResult } from "../../core/result.ts";
import { type OutputEvent, remainingOutput } from "./event.ts";

const streams: readonly StreamName[] = ["stdout", "stderr"];

/** Resolves at the next change, also where it came before somebody asked. */
function createSignal(): { raise: () => void; wait: () => Promise<void> } {
  let raised = false;
  let wake: (() => void) | undefined;
  return {
    raise: () => {
      raised = true;
      wake?.();
    },
    wait: async () => {
      if (!raised) await new Promise<void>((resolve) => (wake = resolve));
      raised = false;
      wake = undefined;
    },
  };
}

/**
 * Follows a run's output in the artifact store while the code runs, and to its end.
 *
 * @param result the run's result: when it has come, what the store has is all there is. A rejection ends the following.
 */
export async function* followStore(
  store: ArtifactStore,
  key: string,
  result: Promise<ExecutionResult>,
): AsyncGenerator<OutputEvent> {
  const folder = join(store.directory, "runs", key);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const changed = createSignal();
  const watcher = watch(folder, changed.raise);
  // A watcher that fails has no more to say; the end of the run still wakes the loop.
  watcher.on("error", changed.raise);
  let finished: ExecutionResult | undefined;
  let ended = false;
  result
    .then((value) => (finished = value))
    .catch(() => {})
    .finally(() => {
      ended = true;
      changed.raise();
    });
  let attempt = 1;
  let offsets = { stdout: 0, stderr: 0 };
  try {
    for (;;) {
      const last = ended;
      for (const stream of streams) {
        const reference = streamReference(key, attempt, stream);
        const end = await store.size(reference);
        const content = store.read(reference, offsets[stream], end);
        if (!content) continue;
        for await (const chunk of content) {
          const bytes: Buffer = chunk;
          yield { type: "output", stream, offset: offsets[stream], bytes };
          offsets[stream] += bytes.length;
        }
      }
      const next = await Promise.all(streams.map((stream) => store.size(streamReference(key, attempt + 1, stream))));
      if (next.some((size) => size > 0)) {
        // The code was started again; what it wrote before is complete.
        attempt += 1;
        offsets = { stdout: 0, stderr: 0 };
      } else if (last) {
        break;
      } else if (!ended) {
        await changed.wait();
      }
    }
  } finally {
    watcher.close();
  }
  if (!finished) return;
  const sameAttempt = finished.attempts === attempt;
  for (const stream of streams) {
    yield* remainingOutput(stream, sameAttempt ? offsets[stream] : 0, finished[stream]);
  }
}
