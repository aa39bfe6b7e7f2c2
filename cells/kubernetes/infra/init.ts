/**
 * Prepares a cluster: plans, applies, and runs the canary.
 *
 * @module
 */
import type { PodTemplate } from "#core/manifest/pod-template-fields";
import { type CanarySettings, runCanary } from "./canary.ts";
import { type InfraCluster, infraFailure } from "./infra-cluster.ts";
import { loadManifests, type ManifestSet } from "./manifests.ts";
import { applyPlan, type PlannedObject, planInit } from "./plan.ts";
import { type RecordedVerdict, recordVerdict } from "./recorded-verdict.ts";

/** Plans what to apply. @param template what it needs is permitted in the namespace */
export async function prepareInit(
  cluster: InfraCluster,
  template: PodTemplate | undefined,
  set: ManifestSet = "cells",
): Promise<readonly PlannedObject[]> {
  try {
    return await planInit(cluster, await loadManifests(cluster.namespace, template, set));
  } catch (error) {
    throw infraFailure(cluster, error);
  }
}

/** Applies the plan and runs the canary. */
export async function carryOutInit(
  cluster: InfraCluster,
  plan: readonly PlannedObject[],
  settings: CanarySettings,
  context: { readonly progress: (line: string) => void; readonly signal: AbortSignal },
): Promise<RecordedVerdict> {
  try {
    context.signal.throwIfAborted();
    await applyPlan(cluster, plan);
    context.progress("looking whether the cluster isolates pods ...");
    return await recordVerdict(cluster, await runCanary(cluster, settings, context.signal));
  } catch (error) {
    throw infraFailure(cluster, error);
  }
}
