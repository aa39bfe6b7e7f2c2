import { type FSWatcher, watch } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { ArtifactStore } from "../../activities/store/artifact-store.ts";
import { type StreamName, streamReference } from "../../activities/store/references.ts";
import { maximumStarts } from "../../core/request.ts";
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

/** Where the machine has no watch to give, or the folder is another machine's, which says nothing of its changes. */
const lookMilliseconds = 250;

/** Calls back when something in a folder may have changed. Returns how to end that. */
function watchFolder(folder: string, onChange: () => void): () => void {
  const timer = setInterval(onChange, lookMilliseconds);
  let watcher: FSWatcher | undefined;
  try {
    watcher = watch(folder, onChange);
    watcher.on("error", () => watcher?.close());
  } catch {
    // The machine has no watches left: looking from time to time does.
  }
  return () => {
    clearInterval(timer);
    watcher?.close();
  };
}

/** The next start of the code that has written something; one that wrote nothing may lie between. */
async function nextAttempt(store: ArtifactStore, key: string, attempt: number): Promise<number | undefined> {
  for (let next = attempt + 1; next <= maximumStarts; next += 1) {
    const sizes = await Promise.all(streams.map((stream) => store.size(streamReference(key, next, stream))));
    if (sizes.some((size) => size > 0)) return next;
  }
  return undefined;
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
  const stopWatching = watchFolder(folder, changed.raise);
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
      const next = last ? finished?.attempts : await nextAttempt(store, key, attempt);
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
