import { mergeLanguages } from "#core/configuration/configuration";
import { builtInLanguages, findLanguage } from "#core/contract/language";
import { cellNamespace } from "#core/contract/names";
import { validateRequest } from "#core/contract/parse-request";
import type { ExecutionRequest } from "#core/contract/request";
import { jobOfRequest } from "#core/manifest/manifest";
import { loadConfiguration } from "#platform/host/configuration-file";
import { applyDefaults } from "./apply-defaults.ts";
import type { DryRunResult } from "./quartermaster-options.ts";

/**
 * Renders the Job that a request would create on a cluster. Needs no server and no cluster. Large content therefore
 * stays inline instead of going through the artifact store.
 *
 * @throws KgentsError if the request is rejected
 */
export async function dryRun(configurationFile: string | undefined, request: ExecutionRequest): Promise<DryRunResult> {
  const { configuration } = await loadConfiguration({ path: configurationFile });
  const spec = validateRequest(applyDefaults(configuration, request));
  const language = findLanguage(mergeLanguages(builtInLanguages, configuration), spec.language);
  const manifest = await jobOfRequest(spec, language, { name: "exec-dry-run", namespace: cellNamespace });
  return { status: "dry-run", manifest };
}
