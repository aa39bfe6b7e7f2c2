import { cancellations } from "./cancelled.ts";
import { endings, losses, places } from "./execute-code.ts";
import { batches, cleaners, rollouts } from "./others.ts";
import type { Scenarios } from "./scenario.ts";

/** Every path of every workflow that `record.ts` records. */
export const scenarios: Scenarios = {
  ...endings,
  ...places,
  ...losses,
  ...cancellations,
  ...batches,
  ...cleaners,
  ...rollouts,
};
