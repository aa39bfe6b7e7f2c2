import { maximumStarts } from "#core/contract/request";
import type { ExecutionResult } from "#core/contract/result";
import type { ArtifactStore } from "#platform/store/artifact-store";
import { type StreamName, streamReference } from "#platform/store/references";
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

/** The next start of the code that has written something; one that wrote nothing may lie between. */
function nextAttempt(sizes: ReadonlyMap<string, number>, key: string, attempt: number): number | undefined {
  for (let next = attempt + 1; next <= maximumStarts; next += 1) {
    if (streams.some((stream) => (sizes.get(streamReference(key, next, stream)) ?? 0) > 0)) return next;
  }
  return undefined;
}

/**
 * Follows a run's output in the artifact store while the code runs, and to its end. A store that is away is asked again; what it
 * does not give until the end, the result brings, or it is said to be left out.
 *
 * @param result the run's result: when it has come, what the store has is all there is. A rejection ends the following.
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
        // The code was started again; what it wrote before is complete.
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

/** Reads an artifact from an offset, as far as that goes. */
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
    // Also where whoever follows has stopped in the middle: the file, or the bucket's answer, is open until then.
    content.destroy();
  }
}
