import { KgentsError } from "#core/contract/error";
import type { LoadedAgents } from "../../../agents/specs/load-agents.ts";
import { carryOut } from "../carry-out.ts";
import type { ApplyFlags } from "./agents-commands.ts";
import { applyNow } from "./apply-now.ts";
import { connectAgents } from "./connect-agents.ts";
import { dryRunHere, dryRunOnServer } from "./dry-run.ts";
import { checkLoaded, loadNamed } from "./load.ts";
import { reportMistakes } from "./report-mistakes.ts";
import { showDiff } from "./show-diff.ts";
import { watchSpecs } from "./watch-specs.ts";

function refuse(field: string, message: string): never {
  throw new KgentsError("invalid-request", `${field}: ${message}`, {
    field,
    remedy: "See `kgents infra apply --help`.",
  });
}

/** Flags that exclude each other beyond what the command line declares. */
function checkFlags({ all, watch, prune, wait, timeout, diff, dryRun }: ApplyFlags): void {
  if (watch && !all) refuse("--watch", "got no --all; it watches the directory of the specs");
  if (prune && !watch) refuse("--prune", "got no --watch; only a watch sees that a spec file is removed");
  if (timeout !== undefined && !wait) refuse("--timeout", "got no --wait");
  if (wait && (diff || dryRun !== undefined)) refuse("--wait", "got a flag that writes nothing, too");
}

async function applyLoaded(loaded: LoadedAgents, flags: ApplyFlags): Promise<number> {
  const interrupted = "interrupted (a second time exits at once); what was applied stays";
  return carryOut({ json: flags.json, interrupted }, async (reporter, signal) => {
    checkLoaded(loaded, reporter);
    if (flags.dryRun === "client") return dryRunHere(loaded.agents, flags);
    const connected = await connectAgents(flags);
    const { objects } = connected;
    if (flags.diff) return showDiff(objects, loaded.agents, flags, reporter);
    if (flags.dryRun === "server") return dryRunOnServer(objects, loaded.agents, flags, reporter);
    const exitCode = await applyNow(connected, loaded.agents, flags, { reporter, signal });
    return flags.watch ? watchSpecs(connected, loaded, flags, { reporter, signal }) : exitCode;
  });
}

/** `kgents infra apply`. */
export const apply = (targets: readonly string[], flags: ApplyFlags): Promise<number> =>
  carryOut({ json: flags.json }, async () => {
    checkFlags(flags);
    const loaded = await loadNamed(targets, flags);
    if (loaded.mistakes.length === 0) return applyLoaded(loaded, flags);
    const exitCode = await reportMistakes(loaded.mistakes, "nothing was changed", flags.json === true);
    return exitCode;
  });
