/**
 * `kgents infra init --agents` and `destroy --agents`: the definition of Agents, and their namespace.
 *
 * @module
 */
import { ClusterError } from "#cells/kubernetes/api/cluster-error";
import { createObjects } from "#cells/kubernetes/api/objects";
import { resourceTypes } from "#cells/kubernetes/api/resource-types";
import { destroy as destroyNamespace, planDestroy } from "#cells/kubernetes/infra/destroy";
import type { InfraCluster } from "#cells/kubernetes/infra/infra-cluster";
import { carryOutInit, prepareInit } from "#cells/kubernetes/infra/init";
import type { PlannedObject } from "#cells/kubernetes/infra/plan";
import type { Agent } from "#core/agents/agent";
import { agentCrd } from "#core/agents/crd";
import { agentNamespace } from "#core/agents/names";
import { mergeLanguages } from "#core/configuration/configuration";
import { KgentsError } from "#core/contract/error";
import { builtInLanguages, findLanguage } from "#core/contract/language";
import { cellNamespace } from "#core/contract/names";
import { loadConfiguration } from "#platform/host/configuration-file";
import { type CrdPlan, planCrd } from "../../../agents/crd/plan-crd.ts";
import { removeCrdIfUnused } from "../../../agents/crd/remove-crd.ts";
import { upgradeCrd } from "../../../agents/crd/upgrade-crd.ts";
import { confirm, refuseWithoutTerminal } from "../../terminal/confirm.ts";
import { printJson } from "../../terminal/print.ts";
import type { Reporter } from "../../terminal/reporter.ts";
import { carryOut } from "../carry-out.ts";
import { agentVerdictInWords, planInWords } from "../format-infra.ts";
import type { InfraFlags } from "../infra-command.ts";
import { declined, notUsable, onCluster } from "../on-cluster.ts";

async function settingsOf(flags: InfraFlags) {
  const { configuration } = await loadConfiguration({ path: flags.config });
  const { operator, worker } = configuration;
  const namespace = flags.namespace ?? agentNamespace;
  if ([cellNamespace, worker.kubernetes.namespace].includes(namespace)) {
    throw new KgentsError("invalid-request", `--namespace: ${namespace} is the namespace of cells`, {
      field: "--namespace",
      remedy: "Name another one: workers may run programs in every pod of the cells' namespace.",
    });
  }
  return {
    languages: mergeLanguages(builtInLanguages, configuration),
    cluster: { context: flags.context ?? operator.context, namespace },
    isolationRequired: operator.networkIsolation === "required",
  };
}

/** The definition as a line of the plan. */
const plannedCrd = ({ action, name }: CrdPlan): PlannedObject => ({
  manifest: { apiVersion: "apiextensions.k8s.io/v1", kind: "CustomResourceDefinition", metadata: { name } },
  action: ({ install: "create", unchanged: "unchanged", upgrade: "change", migrate: "change" } as const)[action],
});

async function initOn(
  cluster: InfraCluster,
  flags: InfraFlags,
  { languages, isolationRequired }: Awaited<ReturnType<typeof settingsOf>>,
  { reporter, signal }: { readonly reporter: Reporter; readonly signal: AbortSignal },
): Promise<number> {
  const wanted = agentCrd();
  // Consent to a loss is asked for by `infra crd` alone.
  const crd = await planCrd(cluster, wanted, false);
  const objects = await prepareInit(cluster, undefined, "agents");
  const plan = [plannedCrd(crd), ...objects];
  reporter.say(planInWords(cluster, plan));
  if (!flags.yes && !(await confirm("apply this, and verify that pods are isolated?", signal))) {
    return declined(reporter);
  }
  const context = { progress: reporter.progress, signal };
  await upgradeCrd(cluster, wanted, crd, context);
  const canary = { language: findLanguage(languages, "sh") };
  const verdict = await carryOutInit(cluster, objects, canary, context);
  reporter.settled();
  reporter.say(agentVerdictInWords(verdict, isolationRequired));
  if (flags.json) {
    const { server, version, namespace } = cluster;
    const made = plan.map(({ manifest, action }) => ({ kind: manifest.kind, name: manifest.metadata.name, action }));
    const report = { context: cluster.context, server, version, namespace, objects: made, networkIsolation: verdict };
    await printJson(report, 2);
  }
  return verdict.isolation === "enforced" || !isolationRequired ? 0 : notUsable;
}

/** `kgents infra init --agents`. */
export const initAgents = (flags: InfraFlags): Promise<number> =>
  carryOut(flags, async (reporter, signal) => {
    refuseWithoutTerminal(flags.yes === true, "nothing was changed");
    if (flags.kind) {
      throw new KgentsError("invalid-request", "--kind: got it with --agents; allowed is one of them", {
        field: "--kind",
        remedy: "Make the local cluster with `kgents infra init --kind` first.",
      });
    }
    const settings = await settingsOf(flags);
    return onCluster(settings.cluster, (cluster) => initOn(cluster, flags, settings, { reporter, signal }));
  });

/** The Agents in a namespace. None if the cluster has no definition of them. */
async function agentsIn(cluster: InfraCluster): Promise<readonly Agent[]> {
  try {
    return await createObjects(cluster).list<Agent>(resourceTypes.Agent);
  } catch (error) {
    if (error instanceof ClusterError && error.status === 404) return [];
    throw error;
  }
}

async function destroyOn(cluster: InfraCluster, flags: InfraFlags, reporter: Reporter, signal: AbortSignal) {
  const { context, server, namespace } = cluster;
  const plan = await planDestroy(cluster);
  if (plan === undefined) {
    reporter.say(`there is no namespace ${namespace} in ${context} (${server}): nothing to remove`);
    return 0;
  }
  const { length } = await agentsIn(cluster);
  const agents = `${length} ${length === 1 ? "Agent" : "Agents"}`;
  reporter.say(`in ${context} (${server}): removes the namespace ${namespace} and everything in it: ${agents}`);
  if (!flags.yes && !(await confirm("remove it?", signal))) return declined(reporter);
  reporter.progress(`removing ${namespace} ...`);
  await destroyNamespace(cluster, plan, signal);
  reporter.settled();
  const left = await removeCrdIfUnused(cluster, agentCrd());
  reporter.say(`${namespace} is removed`);
  if (left === 0) reporter.say("the definition of Agents is removed: no namespace has any");
  if (left) reporter.say(`the definition of Agents stays: other namespaces have ${left}`);
  return 0;
}

/** `kgents infra destroy --agents`. */
export const destroyAgents = (flags: InfraFlags): Promise<number> =>
  carryOut(flags, async (reporter, signal) => {
    refuseWithoutTerminal(flags.yes === true, "nothing was removed");
    const settings = await settingsOf(flags);
    return onCluster(settings.cluster, (cluster) => destroyOn(cluster, flags, reporter, signal));
  });
