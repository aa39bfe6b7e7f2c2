import { KgentsError } from "#core/contract/error";
import type { ExecutionSpec } from "#core/contract/request";
import type { BackendName } from "#core/contract/result";
import type { CellProvider } from "../provider.ts";

/** What a worker can choose from. */
export interface ProviderChoice {
  readonly providers: Partial<Record<BackendName, CellProvider>>;
  /** Why a configured cluster is not served, in a sentence; undefined if it is served, or none is configured. */
  readonly missingCluster?: string | undefined;
}

type Fallback = { readonly from: BackendName; readonly reason: string };

/** What a request says about where it runs. */
export type ProviderWish = Pick<ExecutionSpec, "backend" | "fallback">;

/**
 * Chooses where a run takes place: the requested backend; for `auto` the cluster, or the sandbox if there is no cluster
 * and the request allows it.
 */
export async function chooseProvider(
  choice: ProviderChoice,
  spec: ProviderWish,
  fallback: Fallback | undefined,
): Promise<{ provider: CellProvider; fallback: Fallback | null }> {
  if (fallback) return { provider: servedProvider(choice, "subprocess"), fallback };
  if (spec.backend !== "auto") return { provider: servedProvider(choice, spec.backend), fallback: null };
  const cluster = choice.providers.kubernetes;
  // If no cluster is configured, the sandbox is not reported as a fallback.
  if (!cluster && choice.missingCluster === undefined && spec.fallback) {
    return { provider: servedProvider(choice, "subprocess"), fallback: null };
  }
  const reason = cluster
    ? await cluster.status().then((status) => (status.available ? undefined : status.summary))
    : (choice.missingCluster ?? "this worker serves no cluster");
  // Without fallback, also use an unavailable cluster: its placement fails with the specific error.
  if (cluster && (reason === undefined || !spec.fallback)) return { provider: cluster, fallback: null };
  if (!spec.fallback) {
    throw new KgentsError("cluster-unavailable", `no cluster can take the run, and fallback is off: ${reason}`);
  }
  return {
    provider: servedProvider(choice, "subprocess"),
    fallback: { from: "kubernetes", reason: reason ?? "the cluster is not available" },
  };
}

/**
 * The provider of that name.
 *
 * @throws KgentsError `backend-unavailable` if this worker does not serve it
 */
export function servedProvider({ providers }: Pick<ProviderChoice, "providers">, name: BackendName): CellProvider {
  const provider = providers[name];
  if (provider) return provider;
  throw new KgentsError("backend-unavailable", `this worker does not serve the backend ${name}`);
}
