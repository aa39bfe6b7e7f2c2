import { Quartermaster } from "../sdk/quartermaster.ts";
import type { QuartermasterOptions } from "../sdk/quartermaster-options.ts";

/** The stack for a long-lived server: it connects on first use, and looks up the stack again from time to time. */
export interface Stack {
  /** Passes the Quartermaster that all calls share. */
  readonly use: <Answer>(work: (quartermaster: Quartermaster) => Promise<Answer>) => Promise<Answer>;
  readonly close: () => Promise<void>;
}

/** Creates the stack. Does not start it. */
export function createStack(options: Omit<QuartermasterOptions, "mode">): Stack {
  const quartermaster = new Quartermaster(options);
  return { use: (work) => work(quartermaster), close: () => quartermaster.close() };
}
