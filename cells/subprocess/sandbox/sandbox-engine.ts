import type { CellPlan } from "../../provider.ts";
import { askInside } from "../interpreters/ask-inside.ts";
import { createInterpreterCache } from "../interpreters/interpreter-cache.ts";
import { rlimitFallback, sandboxIsolation } from "../machine/isolation.ts";
import { cellLimits, usualLimits } from "../machine/limits.ts";
import { prepareNetwork } from "../network/isolate-network.ts";
import { composeRun } from "./compose-run.ts";
import type { Engine } from "./engine.ts";
import { type Sandbox, type SandboxOptions, sandboxSource } from "./sandbox.ts";

/** Runs code in bubblewrap. */
export function sandboxEngine(options: SandboxOptions): Engine {
  const source = sandboxSource(options);
  const interpreterOf = createInterpreterCache(async (question) => askInside(await get(), question));
  let last: Sandbox | undefined;
  const get = async (): Promise<Sandbox> => {
    last = await source.get();
    return last;
  };
  return {
    examine: async () => `sandbox by bubblewrap ${(await get()).machine.version}`,
    isolation: async (plan?: CellPlan) => {
      const { machine } = await get();
      const limits = cellLimits(plan?.spec ?? usualLimits);
      const program = plan ? ((await interpreterOf(plan.language)).command[0] ?? "") : "";
      return sandboxIsolation(machine, limits, plan?.spec.network ?? false, rlimitFallback(machine, limits, program));
    },
    provision: async (plan) => {
      const { machine, pool } = await get();
      pool.warm();
      if (plan.spec.network) await prepareNetwork(machine.mode);
      await interpreterOf(plan.language);
    },
    prepare: async (plan, context) => {
      const [{ machine, pool }, interpreter] = await Promise.all([get(), interpreterOf(plan.language)]);
      const run = await composeRun(plan, context, machine, interpreter, cellLimits(plan.spec));
      if (!plan.spec.network) return { run, launcher: await pool.take() };
      const { launcherPrefix, connect } = await prepareNetwork(machine.mode);
      return { run, launcher: await pool.prepare(launcherPrefix), connect };
    },
    warm: () => last?.pool.warm(),
    close: () => source.close(),
  };
}
