import { type NetworkIsolation, networkIsolationAnnotation } from "../../../core/cluster-names.ts";
import { KgentsError } from "../../../core/error.ts";
import type { ClusterClient } from "./cluster-client.ts";
import { ClusterError, toRunFailure } from "./cluster-error.ts";

/** What one look at a cluster tells. */
export interface ClusterLook {
  /** The server's version, such as `v1.34.2`. */
  readonly version: string;
  readonly networkIsolation: NetworkIsolation;
}

/** How long a cluster may take to answer before it counts as away. */
const budgetMilliseconds = 1000;
/** How long an answer counts. What is missing or away may be mended by the next command. */
const lifetime = { good: 10_000, bad: 2000 } as const;

const verdicts: readonly NetworkIsolation[] = ["enforced", "not-enforced", "unknown"];

function failureOf(error: unknown, { namespace, server }: ClusterClient): KgentsError {
  if (error instanceof KgentsError) return error;
  if (!(error instanceof ClusterError)) throw error;
  if (error.status === undefined) {
    return new KgentsError("cluster-unavailable", `the cluster at ${server} does not answer: ${error.message}`, {
      cause: error,
    });
  }
  if (error.status === 404) {
    return new KgentsError("namespace-missing", `the cluster at ${server} has no namespace ${namespace}`, {
      cause: error,
    });
  }
  return toRunFailure(error);
}

async function look(client: ClusterClient): Promise<ClusterLook> {
  const limits = { milliseconds: budgetMilliseconds };
  const [namespace, version] = await Promise.all([
    client.request(
      `reading the namespace ${client.namespace}`,
      ({ core }, options) => core.readNamespace({ name: client.namespace }, options),
      limits,
    ),
    client.request("reading the cluster's version", (apis, options) => apis.version.getCode({}, options), limits),
  ]);
  if (namespace.metadata?.deletionTimestamp) {
    throw new KgentsError("namespace-missing", `the namespace ${client.namespace} is being deleted`);
  }
  const said = namespace.metadata?.annotations?.[networkIsolationAnnotation];
  return {
    version: version.gitVersion,
    networkIsolation: verdicts.find((verdict) => verdict === said) ?? "unknown",
  };
}

/**
 * Makes a function that looks at the cluster, and for some seconds repeats what it saw.
 *
 * The function throws KgentsError: `cluster-unavailable`, `namespace-missing`, `forbidden`.
 */
export function clusterLooker(connect: () => Promise<ClusterClient>): () => Promise<ClusterLook> {
  let last: { readonly answer: Promise<ClusterLook>; until: number } | undefined;
  return () => {
    if (last && Date.now() < last.until) return last.answer;
    const answer = connect().then((client) =>
      look(client).catch((error) => {
        throw failureOf(error, client);
      }),
    );
    const current = { answer, until: Number.POSITIVE_INFINITY };
    last = current;
    answer.then(
      () => {
        current.until = Date.now() + lifetime.good;
      },
      () => {
        current.until = Date.now() + lifetime.bad;
      },
    );
    return answer;
  };
}
