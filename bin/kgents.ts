#!/usr/bin/env node
/**
 * The program `kgents`: the command line, with the worker that it can start. Only this file knows both.
 *
 * @module
 */
import { runCommandLine } from "#client/cli/program";

await runCommandLine({
  work: async (flags) => {
    const { work } = await import("#worker/command");
    return work(flags);
  },
});
