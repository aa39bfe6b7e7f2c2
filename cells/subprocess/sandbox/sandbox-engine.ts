import type { CellShape } from "#core/contract/cell-shape";
import { runtimeOf, runtimeQuestions } from "../../packages/runtime.ts";
import { usualLimits } from "../../usual-limits.ts";
import { askInside } from "../interpreters/ask-inside.ts";
import { createInterpreterCache } from "../interpreters/interpreter-cache.ts";
import { prepareLasting } from "../lasting/prepare-lasting.ts";
import type { Launcher } from "../launcher/launcher.ts";
import { rlimitFallback, sandboxIsolation } from "../machine/isolation.ts";
import { cellLimits } from "../machine/limits.ts";
import { prepareNetwork } from "../network/isolate-network.ts";
import { composeRun } from "./compose-run.ts";
import type { Engine } from "./engine.ts";
import { holdPackages, type MountedPackages } from "./mounted-packages.ts";
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
  /** Prepares a launcher for a cell. Its packages are in use until the launcher, and the sandbox with it, has ended. */
  const withHeldPackages = async <Prepared extends { readonly launcher: Launcher }>(
    shape: CellShape,
    prepare: (packages: MountedPackages | undefined) => Promise<Prepared>,
  ): Promise<Prepared> => {
    const { packages, release } = await holdPackages(shape, options.cacheDirectory);
    try {
      const prepared = await prepare(packages);
      prepared.launcher.ended.finally(release).catch(() => {});
      return prepared;
    } catch (error) {
      await release();
      throw error;
    }
  };
  return {
    examine: async () => `sandbox by bubblewrap ${(await get()).machine.version}`,
    isolation: async (shape?: CellShape) => {
      const { machine } = await get();
      const wanted = shape ?? usualLimits();
      const limits = cellLimits(wanted);
      const program = shape ? ((await interpreterOf(shape.language)).command[0] ?? "") : "";
      return sandboxIsolation(machine, limits, wanted.network, rlimitFallback(machine, limits, program));
    },
    provision: async ({ network, language }) => {
      const { machine, pool } = await get();
      pool.warm();
      if (network.to !== "nothing") await prepareNetwork(machine.mode);
      await interpreterOf(language);
    },
    runtime: async ({ language }, ecosystem) => {
      const [sandbox, { command, binds }] = await Promise.all([get(), interpreterOf(language)]);
      const code = runtimeQuestions[ecosystem];
      return runtimeOf(ecosystem, await askInside(sandbox, { command, binds, code, environment: {} }));
    },
    prepare: async (cell, program, context) => {
      const { shape } = cell;
      const [{ machine, pool }, interpreter] = await Promise.all([get(), interpreterOf(shape.language)]);
      return withHeldPackages(shape, async (packages) => {
        const run = await composeRun(cell, program, context, { machine, interpreter, packages });
        if (shape.network.to === "nothing") return { run, launcher: await pool.take() };
        const { launcherPrefix, connect } = await prepareNetwork(machine.mode);
        return { run, launcher: await pool.prepare(launcherPrefix), connect };
      });
    },
    prepareLasting: async (cell) => {
      const { shape } = cell;
      const [{ machine, pool }, interpreter] = await Promise.all([get(), interpreterOf(shape.language)]);
      return withHeldPackages(shape, async (packages) => {
        const network = shape.network.to === "nothing" ? undefined : await prepareNetwork(machine.mode);
        const launcher = network ? await pool.prepare(network.launcherPrefix) : await pool.take();
        try {
          const prepared = await prepareLasting(cell, { machine, interpreter, packages }, launcher);
          return { launcher, ...prepared, ...(network ? { connect: network.connect } : {}) };
        } catch (error) {
          await launcher.remove();
          throw error;
        }
      });
    },
    warm: () => last?.pool.warm(),
    close: () => source.close(),
  };
}
