import { isClusterConfigured } from "#cells/kubernetes/api/cluster-client";
import type { ProviderStatus } from "#cells/provider";
import { resolveInterpreter } from "#cells/subprocess/interpreters/interpreter";
import { type Configuration, mergeLanguages } from "#core/configuration/configuration";
import { builtInLanguages, findLanguage, type Language } from "#core/contract/language";
import { clusterStatus, sandboxStatus } from "../sdk/backend-status.ts";
import { lastingPath } from "../stack/background-environment.ts";
import { type Check, failed, ok, warning } from "./check.ts";
import { checkRights } from "./rights-check.ts";

const prepare = "Prepare the cluster with `kgents infra init`. `kgents infra status` shows details.";

/** The state of the cluster, if runs may go to one. */
export function checkCluster(status: ProviderStatus, configuration: Configuration, hasSandbox: boolean): Check {
  const name = "Cluster";
  const { available, summary, isolation } = status;
  if (!available) {
    return hasSandbox
      ? warning(name, summary, "Until this is fixed, runs use the sandbox. `kgents infra status` shows details.")
      : failed(name, summary, "Fix the named problem, or let the worker serve subprocess too.");
  }
  const network = isolation?.network;
  if (network?.enforced) return ok(name, `${summary}; network isolation is verified`);
  const isRequired = configuration.worker.kubernetes.networkIsolation === "required";
  const found = `${summary}; network: ${network?.by ?? "not isolated"}`;
  return isRequired
    ? failed(name, `${found}; runs without --network are refused`, prepare)
    : warning(name, found, prepare);
}

function checkSandbox({ available, summary, isolation }: ProviderStatus, hasCluster: boolean): Check {
  const name = "Sandbox";
  if (!available) {
    const remedy = "Install the named program, or use a cluster (`kgents infra init`).";
    return hasCluster ? warning(name, summary, remedy) : failed(name, summary, remedy);
  }
  const { level: _level, mechanism: _mechanism, ...limits } = isolation ?? { level: "none", mechanism: "" };
  const open = Object.entries(limits).flatMap(([limit, { enforced }]) => (enforced ? [] : [limit]));
  if (open.length === 0) return ok(name, summary);
  return warning(name, `${summary}; not enforced: ${open.join(", ")}`, "`kgents status` shows the reasons.");
}

/**
 * Whether each language has its interpreter on this machine. A missing one is a failure only for the default language
 * without a cluster, else a warning.
 */
async function checkInterpreters(configuration: Configuration, hasCluster: boolean): Promise<Check[]> {
  const languages = mergeLanguages(builtInLanguages, configuration);
  const usual = findLanguage(languages, configuration.defaults.language ?? "python");
  const missing = await Promise.all(
    languages.map(async (language): Promise<[Language, Error] | undefined> => {
      try {
        await resolveInterpreter(language, undefined, lastingPath(process.env.PATH ?? ""));
        return undefined;
      } catch (error) {
        return [language, error instanceof Error ? error : new Error(String(error))];
      }
    }),
  );
  const name = "Languages";
  const faults = missing.filter((fault) => fault !== undefined);
  const names = languages.filter((language) => !faults.some(([other]) => other === language)).map(({ name }) => name);
  const remedy = (language: Language): string =>
    `Install ${language.command[0]} and put it on PATH, or run ${language.name} on a cluster.`;
  return [
    ...(names.length > 0 ? [ok(name, names.join(", "))] : []),
    ...faults.map(([language, { message }]) =>
      language === usual && !hasCluster
        ? failed(name, message, remedy(language))
        : warning(name, message, remedy(language)),
    ),
  ];
}

/** Whether this machine's worker could execute runs: its backends and their interpreters. */
export async function checkBackends(configuration: Configuration): Promise<Check[]> {
  const { backends, unsandboxed } = configuration.worker;
  const isServed = { kubernetes: backends.includes("kubernetes"), subprocess: backends.includes("subprocess") };
  const isCluster = isServed.kubernetes && isClusterConfigured();
  const [cluster, sandbox] = await Promise.all([
    isCluster ? clusterStatus(configuration) : undefined,
    isServed.subprocess ? sandboxStatus() : undefined,
  ]);
  const hasCluster = cluster?.available ?? false;
  const hasSandbox = (sandbox?.available ?? false) || (isServed.subprocess && unsandboxed);
  return [
    ...(cluster ? [checkCluster(cluster, configuration, hasSandbox)] : []),
    ...(hasCluster ? [await checkRights(configuration)] : []),
    ...(isServed.kubernetes && !isCluster && !isServed.subprocess
      ? [failed("Cluster", "the worker serves only kubernetes, and there is no kubeconfig", "Set KUBECONFIG.")]
      : []),
    ...(unsandboxed
      ? [warning("Sandbox", "the worker is configured to run code WITHOUT a sandbox", "Unset worker.unsandboxed.")]
      : []),
    ...(sandbox && !unsandboxed ? [checkSandbox(sandbox, hasCluster)] : []),
    ...(isServed.subprocess ? await checkInterpreters(configuration, hasCluster) : []),
  ];
}
