/**
 * The cluster that the `infra` commands work on, and the messages of its errors for the person who prepares it.
 *
 * @module
 */
import type { KubernetesObjectApi } from "@kubernetes/client-node";
import { KgentsError } from "#core/contract/error";
import {
  type CallOptions,
  type ClusterClient,
  type ClusterSettings,
  createClusterClient,
  isClusterConfigured,
} from "../api/cluster-client.ts";
import { ClusterError, toRunFailure } from "../api/cluster-error.ts";

/** The time limit of a request, in milliseconds. Short, because a person is waiting. */
export const answerMilliseconds = 3000;

/** A cluster that answers. */
export interface InfraCluster extends ClusterClient {
  /** Such as `v1.34.2`. */
  readonly version: string;
}

/** Describes where a cluster is. */
const place = ({ context, server }: ClusterClient): string => `the cluster at ${server} (context ${context})`;

/** Converts a failed request to an error for the person who prepares a cluster. */
export function infraFailure(client: ClusterClient, error: unknown): unknown {
  if (!(error instanceof ClusterError)) return error;
  const { status, message, what } = error;
  const options = (remedy: string) => ({ cause: error, remedy });
  if (status === undefined) {
    return new KgentsError(
      "cluster-unavailable",
      `${place(client)} does not answer: ${message}`,
      options("Check that it runs and can be reached from here, or name another context with --context."),
    );
  }
  if (status === 401) {
    return new KgentsError(
      "forbidden",
      `${place(client)} does not take the kubeconfig's credential`,
      options("Renew the credential, or name another context with --context."),
    );
  }
  const failure = toRunFailure(error);
  if (failure.code !== "forbidden") return failure;
  return new KgentsError("forbidden", `${what}: ${message}`, options("Ask an administrator of the cluster."));
}

/**
 * Connects and reads the server's version.
 *
 * @throws KgentsError `cluster-unavailable` within some seconds if the server does not answer
 */
export async function connectInfra(settings: ClusterSettings): Promise<InfraCluster> {
  if (!isClusterConfigured()) {
    throw new KgentsError("cluster-unavailable", "no cluster is configured: there is no kubeconfig", {
      remedy: "Set KUBECONFIG; or make a local cluster with `kgents infra init --kind`.",
    });
  }
  const client = await createClusterClient(settings);
  try {
    const { gitVersion } = await client.request(
      "asking for the version",
      ({ version }, call) => version.getCode({}, call),
      {
        milliseconds: answerMilliseconds,
      },
    );
    return { ...client, version: gitVersion };
  } catch (error) {
    throw infraFailure(client, error);
  }
}

/**
 * The API for objects of any kind, with a time limit, which the client's own does not support.
 *
 * @param body sent as it is. The client itself renames some fields (`from`, `default`) and silently drops unknown ones
 */
export function objectsFor({ module, config }: ClusterClient, call: CallOptions, body?: object): KubernetesObjectApi {
  const credentials = config();
  const asItIs = (middleware: NonNullable<CallOptions["middleware"]>[number]): typeof middleware => ({
    ...middleware,
    pre: (context) => {
      // GET requests are discovery of the kind's resource and have no body.
      if (body !== undefined && context.getHttpMethod() !== "GET") context.setBody(JSON.stringify(body));
      return middleware.pre(context);
    },
  });
  return new module.KubernetesObjectApi(
    module.createConfiguration({
      baseServer: new module.ServerConfiguration(credentials.getCurrentCluster()?.server ?? "", {}),
      authMethods: { default: credentials },
      middleware: (call.middleware ?? []).map(asItIs),
    }),
  );
}
