/**
 * Formats what the `infra` commands found.
 *
 * @module
 */

import type { CellAdmission } from "#cells/kubernetes/infra/admission";
import type { CellCounts } from "#cells/kubernetes/infra/cells";
import type { InfraCluster } from "#cells/kubernetes/infra/infra-cluster";
import type { InfraStatus } from "#cells/kubernetes/infra/infra-status";
import { manifestTitle } from "#cells/kubernetes/infra/manifests";
import type { PlannedAction, PlannedObject } from "#cells/kubernetes/infra/plan";
import type { RecordedVerdict } from "#cells/kubernetes/infra/recorded-verdict";
import {
  allowedAnnotations,
  type CanaryTarget,
  canaryTargets,
  canaryTargetsInWords,
} from "#core/manifest/cluster-names";
import type { AgentsReport } from "../../agents/cluster/list-agents.ts";
import type { StackStatus } from "../../stack/stack-status.ts";
import { ageInWords } from "../runs/age.ts";
import { agentsInWords } from "./agents/format-agent-list.ts";

const actions: Readonly<Record<PlannedAction, string>> = {
  create: "create",
  change: "change",
  unchanged: "unchanged",
  keep: "keep, because somebody else set it",
  unsupported: "skip: it needs Kubernetes 1.30 or newer",
};

const admissions: Readonly<Record<CellAdmission, string>> = {
  enforced: "accepts only cells",
  missing: "accepts any Job, also one that mounts the namespace's Secrets: run `kgents infra init` again",
  unsupported:
    "accepts any Job, also one that mounts the namespace's Secrets: only Kubernetes 1.30 and newer can refuse Jobs that are not cells",
};

const permissions: Readonly<Record<keyof typeof allowedAnnotations, string>> = {
  priorityClasses: "priority class",
  pullSecrets: "secret for pulling images",
  resources: "resource",
};

/** What the admission policy will permit to cells because of the pod template. */
const permittedInWords = (plan: readonly PlannedObject[]): string[] =>
  plan.flatMap(({ manifest: { metadata } }) =>
    (["priorityClasses", "pullSecrets", "resources"] as const).flatMap((what) => {
      const names = metadata.annotations?.[allowedAnnotations[what]];
      return names === undefined
        ? []
        : `        permitted to cells: ${permissions[what]} ${names.replaceAll(",", ", ")}`;
    }),
  );

/** What `init` will do, and where. */
export const planInWords = (cluster: InfraCluster, plan: readonly PlannedObject[]): string =>
  [
    `in ${cluster.context} (${cluster.server}, ${cluster.version}), namespace ${cluster.namespace}:`,
    ...plan.map(({ manifest, action }) => `        ${manifestTitle(manifest)}: ${actions[action]}`),
    ...permittedInWords(plan),
  ].join("\n");

/**
 * The targets that the canary could not test, since no pod reaches them here. IPv6 is never listed: many clusters have
 * none.
 */
function untried(tried: readonly CanaryTarget[]): string {
  const left = canaryTargets.filter((target) => target !== "pod-ipv6" && !tried.includes(target));
  return left.length === 0 ? "" : ` Not tested, because no pod can reach it here: ${canaryTargetsInWords(left)}.`;
}

/** What a verdict means for whoever asks. */
interface Consequences {
  readonly ready: string;
  readonly required: string;
  readonly bestEffort: string;
}

function consequencesInWords(
  { isolation, reason, tried }: RecordedVerdict,
  isRequired: boolean,
  { ready, required, bestEffort }: Consequences,
): string {
  if (isolation === "enforced") {
    return `network isolation is enforced: ${ready}\n        A pod without network did not reach ${canaryTargetsInWords(tried)}.${untried(tried)}`;
  }
  const consequence = isRequired ? required : bestEffort;
  const [meaning, remedy] =
    isolation === "not-enforced"
      ? [
          "this cluster's network ignores NetworkPolicies",
          "Install a network plugin that enforces them (Calico, Cilium)",
        ]
      : ["network isolation is not verified", "Fix the reported problem"];
  return `network isolation is ${isolation}: ${reason ?? "unknown reason"}
        ${meaning}: ${consequence}
        ${remedy}, and run this again.`;
}

/** What the canary found in the cells' namespace, and what follows. */
export const verdictInWords = (verdict: RecordedVerdict, isRequired: boolean): string =>
  consequencesInWords(verdict, isRequired, {
    ready: "the cluster is ready for runs",
    required: "this machine's worker refuses runs without --network",
    bestEffort: "this machine's worker runs code nevertheless, as its configuration says",
  });

/** What the canary found in the Agents' namespace, and what follows. */
export const agentVerdictInWords = (verdict: RecordedVerdict, isRequired: boolean): string =>
  consequencesInWords(verdict, isRequired, {
    ready: "the namespace is ready for Agents",
    required: "an operator accepts no Agents here",
    bestEffort: "an operator with this configuration accepts Agents nevertheless",
  });

/** How many cells there are. */
export const cellsInWords = ({ running, finished }: CellCounts): string =>
  `${running} running ${running === 1 ? "cell" : "cells"}, ${finished} finished`;

/**
 * What `status` found.
 *
 * @param width of the terminal; undefined for no limit
 */
export function statusInWords(
  status: InfraStatus & Pick<StackStatus, "temporal" | "worker"> & { readonly agents: AgentsReport },
  width?: number,
): string {
  const { networkIsolation: verdict, quota, cells, images, unreadable, temporal, worker, problems } = status;
  const row = (name: string, words: string): string => `${name.padEnd(11)}${words}`;
  const or = (words: string | null, part: string): string => words ?? `not readable: ${unreadable[part]}`;
  const age = verdict?.ageSeconds === null ? "" : `, checked ${ageInWords(verdict?.ageSeconds ?? 0)}`;
  return [
    row("Cluster", `${status.context} at ${status.server}, ${status.version}`),
    row("Namespace", `${status.namespace.name}: ${status.namespace.state.replaceAll("-", " ")}`),
    ...(verdict
      ? [row("Isolation", `${verdict.isolation}${age}${verdict.reason === null ? "" : `: ${verdict.reason}`}`)]
      : []),
    row("Admission", or(status.admission && admissions[status.admission], "admission")),
    row("Cells", or(cells && cellsInWords(cells), "cells")),
    row("Quota", or(quota && (quota.length === 0 ? "none" : ""), "quota")),
    ...(quota ?? []).map(({ resource, used, hard }) => `  ${resource.padEnd(28)}${used} of ${hard}`),
    row(
      "Rights",
      status.missingAccess.length === 0
        ? "a worker has all permissions that it needs"
        : `missing: ${status.missingAccess.join(", ")}`,
    ),
    row("Images", or(images && `on ${images.nodes} ${images.nodes === 1 ? "node" : "nodes"}`, "images")),
    ...(images?.images ?? []).map(
      ({ image, nodes }) =>
        `  ${image.padEnd(28)}${nodes === 0 ? "not pulled yet, as the nodes report" : `on ${nodes}`}`,
    ),
    row(
      "Temporal",
      temporal.running
        ? `up at ${temporal.address}, namespace ${temporal.namespace}; ${worker.pollers.length} ${worker.pollers.length === 1 ? "polls" : "poll"} the queue ${worker.taskQueue}`
        : `not running at ${temporal.address}: ${temporal.reason}`,
    ),
    ...agentsInWords(status.agents, width),
    ...(problems.length === 0 ? ["Usable."] : ["Not usable:", ...problems.map((problem) => `  ${problem}`)]),
    "",
  ]
    .map((line) => line.trimEnd())
    .join("\n");
}
