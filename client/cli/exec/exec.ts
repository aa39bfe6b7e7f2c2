import { stringify } from "yaml";
import { Quartermaster } from "../../sdk/quartermaster.ts";
import { print, printJson } from "../terminal/print.ts";
import { createReporter, type Reporter, reportError } from "../terminal/reporter.ts";
import type { ExecFlags } from "./exec-command.ts";
import { requestOf } from "./exec-request.ts";
import { startAndFollow } from "./start-and-follow.ts";

/** Carries out `kgents exec`. */
export async function exec(argument: string | undefined, flags: ExecFlags): Promise<number> {
  const reporter = await createReporter(flags.quiet === true);
  if (flags.dryRun) return dryRun(argument, flags, reporter);
  return startAndFollow(flags, reporter, (quartermaster) =>
    requestOf(argument, flags, () => quartermaster.store(), reporter),
  );
}

async function dryRun(argument: string | undefined, flags: ExecFlags, reporter: Reporter): Promise<number> {
  try {
    const quartermaster = new Quartermaster({
      mode: "dry-run",
      ...(flags.config === undefined ? {} : { configurationFile: flags.config }),
    });
    const { manifest } = await quartermaster.execute(await requestOf(argument, flags, async () => undefined, reporter));
    const comment =
      "# The code is not in this manifest: it is delivered by one exec into the running cell, as are its files and stdin.\n";
    if (flags.json) await printJson(manifest, 2);
    else await print(`${comment}${stringify(manifest, { lineWidth: 0 })}`);
    return 0;
  } catch (error) {
    return reportError(error, { json: flags.json === true });
  }
}
