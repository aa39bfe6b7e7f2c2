/**
 * Collects the status of a cluster for `kgents infra status`.
 *
 * @module
 */

import type { Language } from "#core/contract/language";
import type { ClusterClient } from "../api/cluster-client.ts";
import { ClusterError } from "../api/cluster-error.ts";
import { type CellAdmission, cellAdmission } from "./admission.ts";
import { isOurs, readNamespace } from "./cell-namespace.ts";
import { type CellCounts, countCells } from "./cells.ts";
import { missingAccess } from "./check-access.ts";
import { findImages, type ImageReport } from "./images.ts";
import { type InfraCluster, infraFailure } from "./infra-cluster.ts";
import { type QuotaUse, readQuota } from "./quota.ts";
import { type RecordedVerdict, verdictOn } from "./recorded-verdict.ts";

/** The state of the cells' namespace. `unreadable`: these credentials may not read it. */
export type NamespaceState = "ready" | "missing" | "foreign" | "being-removed" | "unreadable";

/** The status of a cluster. Parts that could not be read are null, and `unreadable` says why. */
export interface InfraStatus {
  /** Whether runs can be carried out there, with the isolation that this machine's configuration requires. */
  readonly usable: boolean;
  /** Why it is not usable, one sentence each. */
  readonly problems: readonly string[];
  readonly context: string;
  readonly server: string;
  readonly version: string;
  readonly namespace: { readonly name: string; readonly state: NamespaceState };
  /** Whether the API server only admits cells there. */
  readonly admission: CellAdmission | null;
  readonly networkIsolation: (RecordedVerdict & { readonly ageSeconds: number | null }) | null;
  readonly quota: readonly QuotaUse[] | null;
  readonly cells: CellCounts | null;
  /** Permissions that a worker needs and these credentials lack. */
  readonly missingAccess: readonly string[];
  readonly images: ImageReport | null;
  readonly unreadable: Readonly<Record<string, string>>;
}

async function stateOf(client: ClusterClient): Promise<{ state: NamespaceState; verdict: RecordedVerdict | null }> {
  try {
    const namespace = await readNamespace(client);
    if (namespace === undefined) return { state: "missing", verdict: null };
    if (!isOurs(namespace)) return { state: "foreign", verdict: null };
    const leaving = namespace.metadata?.deletionTimestamp !== undefined;
    return { state: leaving ? "being-removed" : "ready", verdict: verdictOn(namespace) };
  } catch (error) {
    if (error instanceof ClusterError && error.status === 403) return { state: "unreadable", verdict: null };
    throw error;
  }
}

function problemsOf(
  name: string,
  state: NamespaceState,
  verdict: RecordedVerdict | null,
  missing: readonly string[],
): string[] {
  const ofState: Readonly<Record<NamespaceState, string | undefined>> = {
    ready: undefined,
    missing: `there is no namespace ${name}: run \`kgents infra init\``,
    foreign: `the namespace ${name} was not made by kgents: name another with --namespace`,
    "being-removed": `the namespace ${name} is being removed`,
    unreadable: `these credentials may not read the namespace ${name}`,
  };
  return [
    ofState[state],
    verdict && verdict.isolation !== "enforced"
      ? `network isolation is ${verdict.isolation}${verdict.reason === null ? "" : `: ${verdict.reason}`}`
      : undefined,
    missing.length > 0 ? `these credentials may not ${missing.join(", ")}: see docs/kubernetes.md, RBAC` : undefined,
  ].filter((problem) => problem !== undefined);
}

/**
 * Reads all parts in parallel; each has some seconds to answer.
 *
 * @throws KgentsError if the cluster stops answering
 */
export async function infraStatus(
  cluster: InfraCluster,
  { languages, isolationRequired }: { readonly languages: readonly Language[]; readonly isolationRequired: boolean },
): Promise<InfraStatus> {
  const unreadable: Record<string, string> = {};
  const part = async <Found>(name: string, found: Promise<Found>): Promise<Found | null> => {
    try {
      return await found;
    } catch (error) {
      if (!(error instanceof ClusterError) || error.status === undefined) throw error;
      unreadable[name] = error.message;
      return null;
    }
  };
  try {
    const [{ state, verdict }, missing, admission, quota, cells, images] = await Promise.all([
      stateOf(cluster),
      missingAccess(cluster),
      part("admission", cellAdmission(cluster)),
      part("quota", readQuota(cluster)),
      part("cells", countCells(cluster)),
      part("images", findImages(cluster, languages)),
    ]);
    const problems = problemsOf(cluster.namespace, state, isolationRequired ? verdict : null, missing);
    return {
      usable: problems.length === 0,
      problems,
      context: cluster.context,
      server: cluster.server,
      version: cluster.version,
      namespace: { name: cluster.namespace, state },
      admission,
      networkIsolation: verdict && { ...verdict, ageSeconds: ageOf(verdict.checkedAt) },
      quota,
      cells,
      missingAccess: missing,
      images,
      unreadable,
    };
  } catch (error) {
    throw infraFailure(cluster, error);
  }
}

function ageOf(checkedAt: string | null): number | null {
  const milliseconds = Date.now() - Date.parse(checkedAt ?? "");
  return Number.isNaN(milliseconds) ? null : Math.max(0, Math.round(milliseconds / 1000));
}
