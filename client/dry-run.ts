import { type Configuration, mergeLanguages } from "../core/configuration.ts";
import type { Job } from "../core/job-types.ts";
import { builtInLanguages, findLanguage } from "../core/language.ts";
import { renderJob } from "../core/manifest.ts";
import { cellNamespace } from "../core/names.ts";
import { validateRequest } from "../core/parse-request.ts";
import type { ExecutionRequest } from "../core/request.ts";

/**
 * The Job that a request would become on a cluster. Needs no server and no cluster; so large content, which would go by
 * the artifact store, is taken as it is.
 *
 * @throws KgentsError where the request is refused
 */
export async function dryRun(configuration: Configuration, request: ExecutionRequest): Promise<Job> {
  const spec = validateRequest(request);
  const language = findLanguage(mergeLanguages(builtInLanguages, configuration), spec.language);
  return renderJob({ name: "exec-dry-run", namespace: cellNamespace, spec, language });
}
