#!/usr/bin/env node
/**
 * The program `kgents`: the command line, with the worker and the operator that it can start. The only file that imports
 * both client and worker.
 *
 * @module
 */
import module from "node:module";
import { compileCacheIn } from "#platform/host/compile-cache";
import { olderNode } from "#platform/host/node-version";
import { kgentsPaths } from "#platform/host/paths";

const refusal = olderNode(process.versions.node);
if (refusal === undefined) {
  // Node keeps the compiled code of all that is loaded from here on.
  const compileCache = compileCacheIn(kgentsPaths().cache);
  if (compileCache !== undefined) module.enableCompileCache(compileCache);
  // Import after the version check: an older Node may crash while it loads the rest.
  const { runCommandLine } = await import("#client/cli/program");
  await runCommandLine({
    work: async (flags) => (await import("#worker/command")).work(flags),
    operate: async (flags) =>
      (await import("#operator/command")).operate(flags, {
        openRollouts: async (source) => (await import("#worker/rollouts/record-rollouts")).recordRollouts(source),
      }),
  });
} else {
  process.stderr.write(`kgents: ${refusal}\n`);
  process.exitCode = 125;
}
