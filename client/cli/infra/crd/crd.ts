import { connectInfra, type InfraCluster, infraFailure } from "#cells/kubernetes/infra/infra-cluster";
import { agentCrd, type Crd } from "#core/agents/crd";
import { agentNamespace } from "#core/agents/names";
import { loadConfiguration } from "#platform/host/configuration-file";
import { type CrdPlan, planCrd } from "../../../agents/crd/plan-crd.ts";
import { upgradeCrd } from "../../../agents/crd/upgrade-crd.ts";
import { confirm, refuseWithoutTerminal } from "../../terminal/confirm.ts";
import { printJson } from "../../terminal/print.ts";
import type { Reporter } from "../../terminal/reporter.ts";
import { carryOut } from "../carry-out.ts";
import type { CrdFlags } from "./crd-command.ts";

/** Exit code if the person at the terminal says no. */
const declined = 1;

const actions: Readonly<Record<CrdPlan["action"], string>> = {
  install: "will be installed",
  unchanged: "is up to date",
  upgrade: "will be upgraded",
  migrate: "will be upgraded, and every object rewritten",
};

const objectsInWords = (count: number): string => `${count} ${count === 1 ? "object" : "objects"}`;

function planInWords(cluster: InfraCluster, { action, name, objects, from, losses }: CrdPlan): string {
  const versions =
    from.length === 0 ? "" : `; the ${from.length === 1 ? "version" : "versions"} ${from.join(", ")} end`;
  return [
    `in ${cluster.context} (${cluster.server}, ${cluster.version}): ${name} ${actions[action]}; it has ${objectsInWords(objects)}${versions}`,
    ...losses.flatMap(({ object, lost }) => lost.map((field) => `        ${object}: ${field} is lost`)),
  ].join("\n");
}

async function crdOn(
  cluster: InfraCluster,
  wanted: Crd,
  flags: CrdFlags,
  reporter: Reporter,
  signal: AbortSignal,
): Promise<number> {
  const plan = await planCrd(cluster, wanted, flags.yes === true);
  reporter.say(planInWords(cluster, plan));
  const isSure = flags.yes || plan.action === "unchanged" || (await confirm("do this?", signal));
  if (!isSure) {
    reporter.say("nothing was changed");
    return declined;
  }
  await upgradeCrd(cluster, wanted, plan, { progress: reporter.progress, signal });
  reporter.settled();
  if (plan.action !== "unchanged") reporter.say(`${plan.name} is served`);
  if (flags.json) {
    const { context, server, version } = cluster;
    await printJson({ context, server, version, ...plan }, 2);
  }
  return 0;
}

/** `kgents infra crd`. */
export const crd = (flags: CrdFlags): Promise<number> =>
  carryOut(flags, async (reporter, signal) => {
    refuseWithoutTerminal(flags.yes === true, "nothing was changed");
    const { configuration } = await loadConfiguration({ path: flags.config });
    const context = flags.context ?? configuration.worker.kubernetes.context;
    const cluster = await connectInfra({ context, namespace: agentNamespace });
    try {
      return await crdOn(cluster, agentCrd(), flags, reporter, signal);
    } catch (error) {
      throw infraFailure(cluster, error);
    }
  });
