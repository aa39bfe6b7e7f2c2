import { validateRequest } from "#core/contract/parse-request";
import type { ExecutionRequest } from "#core/contract/request";
import { fileContent } from "../../sdk/offload.ts";
import type { Quartermaster } from "../../sdk/quartermaster.ts";
import type { ExecFlags } from "../exec/exec-command.ts";
import { fieldsOf } from "../exec/exec-request.ts";
import { startAndFollow } from "../exec/start-and-follow.ts";
import { createReporter } from "../terminal/reporter.ts";

/** Flags of `kgents rerun`: those of `exec` that override a field or control how the run is followed. */
export interface RerunFlags
  extends Omit<
    ExecFlags,
    | ("code" | "file" | "entrypoint" | "input" | "dryRun" | "network" | "fallback" | "stdin")
    | ("with" | "requirements" | "inlinePackages")
  > {
  readonly network?: boolean;
  readonly fallback?: boolean;
  readonly stdin?: string;
}

/** The request of a run with the flags applied. Variables and labels are merged; all other fields are replaced. */
async function requestAgain(quartermaster: Quartermaster, id: string, flags: RerunFlags): Promise<ExecutionRequest> {
  const { network, fallback, stdin, ...others } = flags;
  const overrides = fieldsOf({ ...others, fallback: true });
  // Validate the flags before the lookup: an invalid flag is an error whatever the run is.
  validateRequest({ code: "any", ...overrides });
  const { request } = await (await quartermaster.get(id)).inspect();
  validateRequest(request);
  // `live` describes how the earlier run was followed, not this one.
  const { live: _live, ...before } = request as ExecutionRequest;
  const again: ExecutionRequest = {
    ...before,
    ...overrides,
    ...(overrides.env ? { env: { ...before.env, ...overrides.env } } : {}),
    ...(overrides.labels ? { labels: { ...before.labels, ...overrides.labels } } : {}),
    ...(network === undefined ? {} : { network }),
    ...(fallback === undefined ? {} : { fallback }),
    ...(stdin === undefined ? {} : { stdin: await fileContent(stdin, "--stdin", () => quartermaster.store()) }),
  };
  validateRequest(again);
  return again;
}

/** `kgents rerun`: the same request again, as a run of its own. */
export async function rerun(id: string, flags: RerunFlags): Promise<number> {
  const reporter = await createReporter(flags.quiet === true);
  return startAndFollow(flags, reporter, (quartermaster) => requestAgain(quartermaster, id, flags));
}
