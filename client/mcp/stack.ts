import { Quartermaster } from "../sdk/quartermaster.ts";
import type { QuartermasterOptions } from "../sdk/quartermaster-options.ts";

/** The stack as a server that lives long sees it: connected when it is needed, and looked for again from time to time. */
export interface Stack {
  /** Lends the Quartermaster of all calls. */
  readonly use: <Answer>(work: (quartermaster: Quartermaster) => Promise<Answer>) => Promise<Answer>;
  readonly close: () => Promise<void>;
}

/** Prepares a stack. Nothing is started by it. */
export function createStack(options: Omit<QuartermasterOptions, "mode">): Stack {
  const quartermaster = new Quartermaster(options);
  return { use: (work) => work(quartermaster), close: () => quartermaster.close() };
}
