import type { PlacementLimit } from "./placement.ts";

/**
 * The number of starts a second. The Temporal server applies it to the waiting queues, so a run that does not come
 * through one of these is refused, and waits there.
 */
export const startRate = (maximumPerSecond: number | undefined): PlacementLimit => ({
  refusal: (_plan, waited) =>
    maximumPerSecond === undefined || waited ? undefined : `worker.maximumStartsPerSecond: ${maximumPerSecond}`,
});
