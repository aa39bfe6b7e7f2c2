/**
 * The signals that end following or collecting the output of a cell.
 *
 * @module
 */
import type { CellShape } from "#core/contract/cell-shape";
import { KgentsError } from "#core/contract/error";
import { collectionGraceSeconds } from "#core/manifest/cell-pod";
import { interruptPatience } from "../../provider.ts";

/**
 * The supervisor ends the code at its time limit. The worker does so this much later, in milliseconds, if the
 * supervisor did not.
 */
const supervisorPatience = 2000;
/** How long to collect from code that was stopped, in milliseconds: ending the run matters more than its output. */
const hurriedPatience = 5000;
/**
 * How long to collect, in milliseconds. A cell keeps its output for its grace period; 30 s of it are reserved for the
 * last collection.
 */
export const collectionPatience = (collectionGraceSeconds - 30) * 1000;

/** Whether this worker is to stop following the code. */
export const isHandedOver = (stop: AbortSignal): boolean => stop.aborted && stop.reason === "handed-over";

/** Thrown when this worker stops following the code, which keeps running. */
export const handedOver = (): KgentsError =>
  new KgentsError("cell-handed-over", "another worker follows the code from here on");

/**
 * Aborted when the worker must stop the code or stop following it. At a time limit the supervisor gets the first chance
 * to end the code.
 */
export function endingSignal(stop: AbortSignal, programs: CellShape["programs"]): AbortSignal {
  const controller = new AbortController();
  const atTimeLimit = supervisorPatience + (programs === "session" ? interruptPatience : 0);
  const onStop = (): void => {
    const patience = stop.reason === "timed-out" ? atTimeLimit : 0;
    setTimeout(() => controller.abort(stop.reason), patience).unref();
  };
  if (stop.aborted) onStop();
  else stop.addEventListener("abort", onStop, { once: true });
  return controller.signal;
}

/**
 * The deadline for collecting: as long as the cell keeps its output; shorter if the run was stopped for another reason
 * than its time limit; zero if it was handed over.
 */
export function collectionDeadline(stop: AbortSignal): Disposable & { readonly signal: AbortSignal } {
  const controller = new AbortController();
  const end = (): void => controller.abort();
  const clocks = [setTimeout(end, collectionPatience)];
  const onStop = (): void => {
    if (stop.reason === "timed-out") return;
    clocks.push(setTimeout(end, isHandedOver(stop) ? 0 : hurriedPatience));
  };
  if (stop.aborted) onStop();
  else stop.addEventListener("abort", onStop, { once: true });
  return {
    signal: controller.signal,
    [Symbol.dispose]: () => {
      for (const clock of clocks) clearTimeout(clock);
      stop.removeEventListener("abort", onStop);
    },
  };
}
