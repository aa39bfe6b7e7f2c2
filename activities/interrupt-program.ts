import { servedProvider } from "#cells/placement/choose-provider";
import type { Elsewhere } from "./contract.ts";
import type { ActivityDependencies } from "./dependencies.ts";
import { isElsewhere } from "./execute.ts";
import { currentRun } from "./plan.ts";
import { planSession } from "./plan-session.ts";
import type { InterruptInput } from "./session-contract.ts";

/** Interrupts a program of a session, as Ctrl-C does. Does nothing if it does not run. */
export const interruptProgram =
  (dependencies: ActivityDependencies) =>
  async (input: InterruptInput): Promise<{ readonly interrupted: boolean } | Elsewhere> => {
    if (isElsewhere(dependencies, input)) return { elsewhere: true };
    const run = currentRun(input.firstRunId);
    const { cell } = planSession(dependencies, input.session, input.cellId, run, input.ends);
    return { interrupted: await servedProvider(dependencies, input.backend).interrupt(cell, input.n) };
  };
