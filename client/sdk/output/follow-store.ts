import { maximumStarts } from "#core/contract/request";
import type { ExecutionResult } from "#core/contract/result";
import type { ArtifactStore } from "#platform/store/artifact-store";
import { type StreamName, streamReference } from "#platform/store/references";
import { type OutputEvent, remainingOutput } from "./event.ts";

const streams: readonly StreamName[] = ["stdout", "stderr"];

/** Resolves at the next change, or at once if one came before the wait. */
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

/** The next attempt of the code with output. Attempts without output are skipped. */
function nextAttempt(sizes: ReadonlyMap<string, number>, key: string, attempt: number): number | undefined {
  for (let next = attempt + 1; next <= maximumStarts; next += 1) {
    if (streams.some((stream) => (sizes.get(streamReference(key, next, stream)) ?? 0) > 0)) return next;
  }
  return undefined;
}

/**
 * Follows a run's output in the artifact store until the run ends. If the store is unavailable, it retries. Bytes that
 * the store does not return until the end come from the result or are reported as omitted.
 *
 * @param result the run's result. After it, the store is read once more. A rejection ends the output
 */
export async function* followStore(
  store: ArtifactStore,
  key: string,
  result: Promise<ExecutionResult>,
): AsyncGenerator<OutputEvent> {
  const changed = createSignal();
  const stopWatching = store.watch(key, changed.raise);
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
      const sizes = await store.list(key).catch(() => undefined);
      for (const stream of streams) {
        const reference = streamReference(key, attempt, stream);
        const pieces = readOn(store, reference, offsets[stream], sizes?.get(reference) ?? 0);
        for await (const bytes of pieces) {
          yield { type: "output", stream, offset: offsets[stream], bytes };
          offsets[stream] += bytes.length;
        }
      }
      const next = last ? finished?.attempts : sizes && nextAttempt(sizes, key, attempt);
      if (next !== undefined && next > attempt) {
        // The code was restarted; the output of the previous attempt is complete.
        attempt = next;
        offsets = { stdout: 0, stderr: 0 };
      } else if (last) {
        break;
      } else if (!ended) {
        await changed.wait();
      }
    }
  } finally {
    stopWatching();
  }
  if (!finished) return;
  for (const stream of streams) yield* remainingOutput(stream, offsets[stream], finished[stream]);
}

/** Reads an artifact from an offset, as far as possible. */
async function* readOn(
  store: ArtifactStore,
  reference: string,
  offset: number,
  end: number,
): AsyncGenerator<Uint8Array> {
  const content = store.read(reference, offset, end);
  const pieces = content.iterator({ destroyOnReturn: false });
  try {
    for (;;) {
      const piece = await pieces.next().catch(() => undefined);
      if (!piece || piece.done) return;
      yield piece.value;
    }
  } finally {
    // If the follower stops early, the file or the bucket's response is still open.
    content.destroy();
  }
}
