import { type Configuration, mergeLanguages } from "#core/configuration/configuration";
import { builtInLanguages, findLanguage } from "#core/contract/language";
import { cellNamespace } from "#core/contract/names";
import { validateRequest } from "#core/contract/parse-request";
import type { ExecutionRequest } from "#core/contract/request";
import { type JobInput, jobOfRequest } from "#core/manifest/manifest";
import { loadConfiguration } from "#platform/host/configuration-file";
import { resolveTarget } from "#platform/temporal/address";
import { applyDefaults } from "./apply-defaults.ts";
import type { DryRunResult, QuartermasterOptions } from "./quartermaster-options.ts";

/**
 * The settings of the worker that would create the Job. With the local server that is a worker of this machine with
 * this configuration. The configuration of another server's workers is unknown, so the defaults are shown.
 */
function workerSettings(
  { worker: { backends, kubernetes } }: Configuration,
  address: string | undefined,
): Pick<JobInput, "namespace" | "runtimeClassName" | "podTemplate" | "userId"> {
  if (!backends.includes("kubernetes") || resolveTarget(process.env, { address }).origin === "configured") {
    return { namespace: cellNamespace };
  }
  const { namespace, runtimeClassName, podTemplate, userIds } = kubernetes;
  return { namespace, runtimeClassName, podTemplate, userId: userIds.first };
}

/**
 * Renders the Job that a request would create on a cluster. Needs no server and no cluster. Large content therefore
 * stays inline instead of going through the artifact store.
 *
 * @throws KgentsError if the request is rejected
 */
export async function dryRun(
  { configurationFile, address }: Pick<QuartermasterOptions, "configurationFile" | "address">,
  request: ExecutionRequest,
): Promise<DryRunResult> {
  const { configuration } = await loadConfiguration({ path: configurationFile });
  const spec = validateRequest(applyDefaults(configuration, request));
  const language = findLanguage(mergeLanguages(builtInLanguages, configuration), spec.language);
  const manifest = await jobOfRequest(spec, language, {
    name: "exec-dry-run",
    ...workerSettings(configuration, address),
  });
  return { status: "dry-run", manifest };
}
