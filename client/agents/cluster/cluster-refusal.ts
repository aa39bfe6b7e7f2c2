import { ClusterError, toRunFailure } from "#cells/kubernetes/api/cluster-error";
import { KgentsError } from "#core/contract/error";

/** The server answers 404 for kinds that it does not serve, with these words; the last ones for a whole group. */
const isUnknownKind = ({ status, message }: ClusterError): boolean =>
  status === 404 && /could not find the requested resource|no matches for kind|404 page not found/.test(message);

/** Whether the cluster does not know the kind Agent. */
export const lacksAgents = (error: unknown): boolean => error instanceof ClusterError && isUnknownKind(error);

/** An error of the cluster, for the person who applies Agents. */
export function clusterFailure(error: unknown): unknown {
  if (!(error instanceof ClusterError)) return error;
  if (isUnknownKind(error)) {
    return new KgentsError("namespace-missing", "the cluster does not know the kind Agent", {
      cause: error,
      remedy: "Install it with `kgents infra crd`, or prepare everything with `kgents infra init --agents`.",
    });
  }
  const failure = toRunFailure(error);
  if (failure.code === "namespace-missing") {
    return new KgentsError(failure.code, failure.message, {
      cause: error,
      remedy: "Prepare it with `kgents infra init --agents`, or name another namespace.",
    });
  }
  if (failure.code === "forbidden") {
    return new KgentsError(failure.code, failure.message, {
      cause: error,
      remedy: "Ask an administrator of the cluster for the right.",
    });
  }
  return failure;
}

/** The refusal of one object, as opposed to a failure that concerns all of them: those are thrown. */
export function refusalOf(error: unknown): ClusterError {
  if (error instanceof ClusterError && !isUnknownKind(error)) {
    const { code } = toRunFailure(error);
    if (error.status === 409 || code === "admission-denied" || code === "quota-exceeded") return error;
  }
  throw clusterFailure(error);
}
