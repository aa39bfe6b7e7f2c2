import { KgentsError } from "#core/contract/error";
import {
  type CanaryTarget,
  type NetworkIsolation,
  networkIsolationAnnotation,
  networkIsolationTriedAnnotation,
  readCanaryTargets,
} from "#core/manifest/cluster-names";
import type { ClusterClient } from "./cluster-client.ts";
import { ClusterError, timeOutReason, toRunFailure } from "./cluster-error.ts";

/** The result of one check of a cluster. */
export interface ClusterStatus {
  /** The server's version, such as `v1.34.2`. */
  readonly version: string;
  readonly networkIsolation: NetworkIsolation;
  /** The targets that the canary was denied, if isolation is `enforced`. */
  readonly networkTried: readonly CanaryTarget[];
}

/**
 * How long a cluster may take to answer, in milliseconds: `usual` by default, `patient` if no other backend could take
 * the run.
 */
const budgets = { usual: 1000, patient: 5000 } as const;
/** How long an answer is cached, in milliseconds. A failure expires sooner, because the next command may fix it. */
const lifetime = { good: 10_000, bad: 2000 } as const;
/**
 * For this long after a good answer, a time-out is taken for a busy server, and the good answer is reused. In
 * milliseconds.
 */
const trustMilliseconds = 30_000;

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

async function readStatus(client: ClusterClient, milliseconds: number): Promise<ClusterStatus> {
  const limits = { milliseconds };
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
  const annotations = namespace.metadata?.annotations ?? {};
  const recorded = annotations[networkIsolationAnnotation];
  return {
    version: version.gitVersion,
    networkIsolation: verdicts.find((verdict) => verdict === recorded) ?? "unknown",
    networkTried: readCanaryTargets(annotations[networkIsolationTriedAnnotation]),
  };
}

/**
 * Checks the cluster.
 *
 * @param patient waits longer for a slow server, if no other backend could take the run
 * @throws KgentsError `cluster-unavailable`, `namespace-missing`, `forbidden`
 */
export type ReadClusterStatus = (patient?: boolean) => Promise<ClusterStatus>;

/** Whether the request timed out, rather than being refused. */
const isSlow = (error: unknown): boolean =>
  error instanceof KgentsError && error.cause instanceof ClusterError && error.cause.reason === timeOutReason;

/** Creates a function that checks the cluster and caches the result for some seconds. */
export function clusterStatusReader(connect: () => Promise<ClusterClient>): ReadClusterStatus {
  let last: { readonly answer: Promise<ClusterStatus>; until: number } | undefined;
  let good: { readonly status: ClusterStatus; readonly at: number } | undefined;

  const ask = async (milliseconds: number): Promise<ClusterStatus> => {
    const client = await connect();
    try {
      const status = await readStatus(client, milliseconds);
      good = { status, at: Date.now() };
      return status;
    } catch (error) {
      const failure = failureOf(error, client);
      if (isSlow(failure) && good && Date.now() - good.at < trustMilliseconds) return good.status;
      throw failure;
    }
  };
  const usual = (): Promise<ClusterStatus> => {
    if (last && Date.now() < last.until) return last.answer;
    const current = { answer: ask(budgets.usual), until: Number.POSITIVE_INFINITY };
    last = current;
    current.answer.then(
      () => {
        current.until = Date.now() + lifetime.good;
      },
      () => {
        current.until = Date.now() + lifetime.bad;
      },
    );
    return current.answer;
  };
  return async (patient = false) => {
    try {
      return await usual();
    } catch (error) {
      if (!patient || !isSlow(error)) throw error;
      return ask(budgets.patient);
    }
  };
}
