import { mergeLanguages } from "#core/configuration/configuration";
import { builtInLanguages, findLanguage } from "#core/contract/language";
import { cellNamespace } from "#core/contract/names";
import { validateRequest } from "#core/contract/parse-request";
import type { ExecutionRequest } from "#core/contract/request";
import { renderJob } from "#core/manifest/manifest";
import { loadConfiguration } from "#platform/host/configuration-file";
import { applyDefaults } from "./apply-defaults.ts";
import type { DryRunResult } from "./quartermaster-options.ts";

/**
 * The Job that a request would become on a cluster. Needs no server and no cluster; so large content, which would go by
 * the artifact store, is taken as it is.
 *
 * @throws KgentsError where the request is refused
 */
export async function dryRun(configurationFile: string | undefined, request: ExecutionRequest): Promise<DryRunResult> {
  const { configuration } = await loadConfiguration({ path: configurationFile });
  const spec = validateRequest(applyDefaults(configuration, request));
  const language = findLanguage(mergeLanguages(builtInLanguages, configuration), spec.language);
  const manifest = await renderJob({ name: "exec-dry-run", namespace: cellNamespace, spec, language });
  return { status: "dry-run", manifest };
}
