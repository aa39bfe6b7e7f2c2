import type { ExecutionRequest } from "#core/contract/request";
import type { ExecutionResult } from "#core/contract/result";
import type { OutputEvent } from "../sdk/output/event.ts";
import type { Quartermaster } from "../sdk/quartermaster.ts";

/** Options of running to the end. */
export interface RunOptions {
  readonly id?: string | undefined;
  /** Cancels the run, which then cleans up before its result comes. */
  readonly signal?: AbortSignal | undefined;
  /** Called with output while the code runs. */
  readonly onOutput?: ((event: OutputEvent) => void) | undefined;
}

/**
 * Runs code to its end. A cancelled run also ends and is cleaned up before this returns.
 *
 * A run that already existed under the same id belongs to another caller. Cancelling stops the wait for it, not the
 * run.
 *
 * @throws KgentsError if the request is rejected, or the run cannot be carried out or cancelled
 * @throws the signal's reason if nothing was started, or the run belongs to another caller
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
  // The race below handles the rejection. After the race, it must not go unhandled.
  notCancelled.catch(() => {});
  if (signal?.aborted) onAbort();
  else signal?.addEventListener("abort", onAbort, { once: true });
  // The result contains the output too, so an error of the live output must not fail the call.
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
