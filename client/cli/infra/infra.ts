import { createObjects } from "#cells/kubernetes/api/objects";
import { destroy as destroyNamespace, planDestroy } from "#cells/kubernetes/infra/destroy";
import { connectInfra, type InfraCluster } from "#cells/kubernetes/infra/infra-cluster";
import { infraStatus } from "#cells/kubernetes/infra/infra-status";
import { carryOutInit, prepareInit } from "#cells/kubernetes/infra/init";
import { ensureKindCluster } from "#cells/kubernetes/infra/kind-cluster";
import { mergeLanguages } from "#core/configuration/configuration";
import { builtInLanguages, findLanguage } from "#core/contract/language";
import { loadConfiguration } from "#platform/host/configuration-file";
import { listAgents } from "../../agents/cluster/list-agents.ts";
import { stackStatus } from "../../stack/stack-status.ts";
import { stackOptions } from "../stack/stack-options.ts";
import { confirm, refuseWithoutTerminal } from "../terminal/confirm.ts";
import { print, printJson } from "../terminal/print.ts";
import type { Reporter } from "../terminal/reporter.ts";
import { terminalWidth } from "../terminal/terminal-text.ts";
import { carryOut } from "./carry-out.ts";
import { cellsInWords, planInWords, statusInWords, verdictInWords } from "./format-infra.ts";
import type { InfraFlags } from "./infra-command.ts";
import { declined, notUsable, onCluster } from "./on-cluster.ts";

/** Merges flags and configuration. Flags take precedence. */
async function settingsOf(flags: InfraFlags) {
  const { configuration } = await loadConfiguration({ path: flags.config });
  const { context, namespace, networkIsolation, podTemplate } = configuration.worker.kubernetes;
  return {
    languages: mergeLanguages(builtInLanguages, configuration),
    cluster: { context: flags.context ?? context, namespace: flags.namespace ?? namespace },
    /** Whether this machine's worker refuses runs unless network isolation was verified. */
    isolationRequired: networkIsolation === "required",
    podTemplate,
  };
}

/** `kgents infra init`. */
export const init = (flags: InfraFlags): Promise<number> =>
  carryOut(flags, async (reporter, signal) => {
    refuseWithoutTerminal(flags.yes === true, "nothing was changed");
    const { languages, cluster: settings, isolationRequired, podTemplate } = await settingsOf(flags);
    let { context } = settings;
    if (flags.kind) {
      const sure = flags.yes || (await confirm("create a local cluster with kind?", signal));
      if (!sure) return declined(reporter);
      context = await ensureKindCluster(reporter.progress, signal);
      reporter.settled();
    }
    const cluster = await connectInfra({ ...settings, context });
    const plan = await prepareInit(cluster, podTemplate);
    reporter.say(planInWords(cluster, plan));
    if (!flags.yes && !(await confirm("apply this, and verify that pods are isolated?", signal)))
      return declined(reporter);
    const verdict = await carryOutInit(
      cluster,
      plan,
      { language: findLanguage(languages, "sh"), template: podTemplate },
      {
        progress: reporter.progress,
        signal,
      },
    );
    reporter.settled();
    reporter.say(verdictInWords(verdict, isolationRequired));
    if (flags.json) {
      const objects = plan.map(({ manifest, action }) => ({
        kind: manifest.kind,
        name: manifest.metadata.name,
        action,
      }));
      const { server, version, namespace } = cluster;
      const report = { context: cluster.context, server, version, namespace, objects, networkIsolation: verdict };
      await printJson(report, 2);
    }
    return verdict.isolation === "enforced" || !isolationRequired ? 0 : notUsable;
  });

/** `kgents infra status`: exits 0 when the cluster is usable. */
export const status = (flags: InfraFlags): Promise<number> =>
  carryOut(flags, async () => {
    const { cluster: settings, ...expected } = await settingsOf(flags);
    const cluster = await connectInfra(settings);
    const [infra, stack, agents] = await Promise.all([
      infraStatus(cluster, expected),
      stackStatus(await stackOptions(flags)),
      listAgents(createObjects(cluster)),
    ]);
    const report = { ...infra, temporal: stack.temporal, worker: stack.worker, agents };
    await (flags.json ? printJson(report, 2) : print(statusInWords(report, terminalWidth())));
    return infra.usable ? 0 : notUsable;
  });

/** `kgents infra destroy`. */
export const destroy = (flags: InfraFlags): Promise<number> =>
  carryOut(flags, async (reporter, signal) => {
    refuseWithoutTerminal(flags.yes === true, "nothing was removed");
    const settings = await settingsOf(flags);
    return onCluster(settings.cluster, (cluster) => destroyOn(cluster, flags, reporter, signal));
  });

async function destroyOn(
  cluster: InfraCluster,
  flags: InfraFlags,
  reporter: Reporter,
  signal: AbortSignal,
): Promise<number> {
  const { context, server, namespace } = cluster;
  const plan = await planDestroy(cluster);
  if (plan === undefined) {
    reporter.say(`there is no namespace ${namespace} in ${context} (${server}): nothing to remove`);
    return 0;
  }
  reporter.say(
    `in ${context} (${server}): removes the namespace ${namespace} and everything in it: ${cellsInWords(plan.cells)}`,
  );
  if (!flags.yes) {
    if (plan.cells.running > 0) {
      reporter.say("cells are running: wait until they end, or pass --yes to end them");
      return notUsable;
    }
    if (!(await confirm("remove it?", signal))) return declined(reporter);
  }
  reporter.progress(`removing ${namespace} ...`);
  await destroyNamespace(cluster, plan, signal);
  reporter.settled();
  reporter.say(`${namespace} is removed`);
  return 0;
}
