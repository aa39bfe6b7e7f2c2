import type { ExecutionRequest } from "#core/contract/request";
import type { ExecutionResult } from "#core/contract/result";
import type { OutputEvent } from "../sdk/output/event.ts";
import type { Quartermaster } from "../sdk/quartermaster.ts";

/** How a run is waited for. */
export interface RunOptions {
  readonly id?: string | undefined;
  /** Cancels the run, which then cleans up before its result comes. */
  readonly signal?: AbortSignal | undefined;
  /** Told of output while the code runs. */
  readonly onOutput?: ((event: OutputEvent) => void) | undefined;
}

/**
 * Runs code to its end, which a cancellation brings about too: when this returns, nothing of the run is left.
 *
 * A run that was there already under the same id is somebody else's, and goes on when the waiting for it is cancelled.
 *
 * @throws KgentsError where the request is refused, the run cannot be carried out, or cannot be cancelled
 * @throws the signal's reason, where nothing was started, or the run is somebody else's
 */
export async function runToEnd(
  quartermaster: Quartermaster,
  request: ExecutionRequest,
  { id, signal, onOutput }: RunOptions,
): Promise<ExecutionResult> {
  signal?.throwIfAborted();
  const handle = await quartermaster.start(request, { id, signal });
  let onAbort = (): void => {};
  const notCancelled = new Promise<never>((_, reject) => {
    onAbort = () => {
      if (handle.attached) reject(signal?.reason);
      else handle.cancel().catch(reject);
    };
  });
  // Heard in the race below, or too late to matter.
  notCancelled.catch(() => {});
  if (signal?.aborted) onAbort();
  else signal?.addEventListener("abort", onAbort, { once: true });
  // What could not be followed live stands in the result: it must not cost anybody that.
  const following = onOutput && follow(handle.output(), onOutput).catch(() => {});
  try {
    const [result] = await Promise.race([Promise.all([handle.result(), following]), notCancelled]);
    return result;
  } finally {
    signal?.removeEventListener("abort", onAbort);
  }
}

async function follow(output: AsyncIterable<OutputEvent>, onOutput: (event: OutputEvent) => void): Promise<void> {
  for await (const event of output) onOutput(event);
}
