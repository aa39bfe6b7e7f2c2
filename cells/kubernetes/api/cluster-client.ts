/**
 * The connection to a cluster: the official client, plus time limits, retries, and reloading of the credential when the
 * server rejects it.
 *
 * @module
 */

import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import type {
  AdmissionregistrationV1Api,
  AuthorizationV1Api,
  BatchV1Api,
  CoreV1Api,
  KubeConfig,
  RequestContext,
  VersionApi,
} from "@kubernetes/client-node";
import { KgentsError } from "#core/contract/error";
import { messageOf } from "#core/text/message-of";
import { createBackoff } from "#platform/host/backoff";
import { ClusterError, mayPass, RequestNotSent, timeOutReason, toClusterError } from "./cluster-error.ts";

type ClientModule = typeof import("@kubernetes/client-node");

/** Which cluster and namespace to use. */
export interface ClusterSettings {
  /** The path of a kubeconfig. @default KUBECONFIG, then ~/.kube/config, then the service account of the pod */
  readonly kubeconfig?: string | undefined;
  /** A context of the kubeconfig. @default its current one */
  readonly context?: string | undefined;
  /** The namespace of the cells. */
  readonly namespace: string;
}

/** The APIs that kgents uses. */
export interface ClusterApis {
  readonly core: CoreV1Api;
  readonly batch: BatchV1Api;
  readonly authorization: AuthorizationV1Api;
  readonly admission: AdmissionregistrationV1Api;
  readonly version: VersionApi;
}

/** Options for each API call; they abort the request at its time limit. */
export type CallOptions = NonNullable<Parameters<CoreV1Api["readNamespace"]>[1]>;

/** Limits of a request, including retries. */
export interface RequestLimits {
  /** @default 10000 */
  readonly milliseconds?: number;
  /** Aborts the request. */
  readonly signal?: AbortSignal;
}

/** A connection. */
export interface ClusterClient {
  readonly namespace: string;
  /** The kubeconfig context in use. */
  readonly context: string;
  /** The API server's address. */
  readonly server: string;
  /** The client's module. Loaded on demand, because it is large. */
  readonly module: ClientModule;
  /** The credential in use; a new object after a reload. */
  readonly config: () => KubeConfig;
  /**
   * Sends a request, and retries transient failures until its time limit.
   *
   * @param what what it does, as a gerund: "creating the Job"
   * @throws ClusterError
   */
  readonly request: <Answer>(
    what: string,
    send: (apis: ClusterApis, options: CallOptions) => Promise<Answer>,
    limits?: RequestLimits,
  ) => Promise<Answer>;
  /** Reloads the credential; a token may have been renewed. */
  readonly reload: () => void;
}

const defaultMilliseconds = 10_000;
/** The time limit of one attempt. A slower answer is not expected to arrive. */
const tryMilliseconds = 5000;
/** Back-off between attempts, in milliseconds. */
const pauses = { first: 100, longest: 2000 } as const;

/** Whether a cluster is configured for this process; checks only files and environment variables. */
export function isClusterConfigured(environment: NodeJS.ProcessEnv = process.env): boolean {
  if (environment.KUBERNETES_SERVICE_HOST) return true;
  const files = environment.KUBECONFIG || join(environment.HOME || homedir(), ".kube", "config");
  return files.split(delimiter).some((file) => file !== "" && existsSync(file));
}

/** Rejects when the signal is aborted. A credential plugin takes no signal and may hang before the request is sent. */
const untilAborted = <Answer>(answer: Promise<Answer>, signal: AbortSignal): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    answer.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
    if (signal.aborted) onAbort();
  });

async function loadModule(): Promise<ClientModule> {
  try {
    return await import("@kubernetes/client-node");
  } catch (cause) {
    const reason = messageOf(cause);
    throw new KgentsError("cluster-unavailable", `the Kubernetes client cannot be loaded: ${reason}`, { cause });
  }
}

function loadConfig(module: ClientModule, { kubeconfig, context }: ClusterSettings): KubeConfig {
  const config = new module.KubeConfig();
  try {
    if (kubeconfig === undefined) config.loadFromDefault();
    else config.loadFromFile(kubeconfig);
  } catch (error) {
    throw new KgentsError("cluster-unavailable", `the kubeconfig cannot be read: ${messageOf(error)}`, {
      cause: error,
      remedy: "Correct the file that KUBECONFIG names.",
    });
  }
  if (context !== undefined) {
    const names = config.getContexts().map(({ name }) => name);
    if (!names.includes(context)) {
      throw new KgentsError(
        "cluster-unavailable",
        `the kubeconfig has no context ${JSON.stringify(context)}; it has ${names.join(", ") || "none"}`,
        { remedy: "Name one of these." },
      );
    }
    config.setCurrentContext(context);
  }
  if (!config.getCurrentCluster()) {
    throw new KgentsError("cluster-unavailable", "the kubeconfig has no current context with a cluster", {
      remedy: "Choose one with `kubectl config use-context`, or name one.",
    });
  }
  return config;
}

/**
 * Creates a client for a cluster; sends no request yet.
 *
 * @throws KgentsError `cluster-unavailable` if no cluster is configured or the kubeconfig is invalid
 */
export async function createClusterClient(settings: ClusterSettings): Promise<ClusterClient> {
  if (settings.kubeconfig === undefined && !isClusterConfigured()) {
    throw new KgentsError("cluster-unavailable", "no cluster is configured: there is no kubeconfig", {
      remedy: "Set KUBECONFIG, or run without --backend kubernetes.",
    });
  }
  const module = await loadModule();
  let config = loadConfig(module, settings);
  let apis = apisOf(module, config);
  let optionsOf = callOptions(module);
  const reload = (): void => {
    config = loadConfig(module, settings);
    apis = apisOf(module, config);
    optionsOf = callOptions(module);
  };

  const request: ClusterClient["request"] = async (what, send, limits = {}) => {
    const deadline = Date.now() + (limits.milliseconds ?? defaultMilliseconds);
    let reloaded = false;
    const backoff = createBackoff(pauses);
    for (;;) {
      const left = Math.max(1, deadline - Date.now());
      const timeOut = AbortSignal.timeout(Math.min(left, tryMilliseconds));
      const signal = limits.signal ? AbortSignal.any([limits.signal, timeOut]) : timeOut;
      let failure: ClusterError;
      try {
        return await untilAborted(send(apis, optionsOf(signal)), signal);
      } catch (error) {
        limits.signal?.throwIfAborted();
        if (error instanceof RequestNotSent) throw error;
        failure = timeOut.aborted
          ? new ClusterError(what, "no answer came in time", { reason: timeOutReason, cause: error })
          : toClusterError(what, error);
      }
      if (failure.status === 401 && !reloaded) {
        reloaded = true;
        reload();
        continue;
      }
      if (!mayPass(failure) || Date.now() + backoff.next() >= deadline) throw failure;
      await backoff.pause(limits.signal);
      limits.signal?.throwIfAborted();
    }
  };

  return {
    namespace: settings.namespace,
    context: config.getCurrentContext(),
    server: config.getCurrentCluster()?.server ?? "",
    module,
    config: () => config,
    request,
    reload,
  };
}

const apisOf = (module: ClientModule, config: KubeConfig): ClusterApis => ({
  core: config.makeApiClient(module.CoreV1Api),
  batch: config.makeApiClient(module.BatchV1Api),
  authorization: config.makeApiClient(module.AuthorizationV1Api),
  admission: config.makeApiClient(module.AdmissionregistrationV1Api),
  version: config.makeApiClient(module.VersionApi),
});

/** The dispatcher that keeps connections open across requests. */
type Dispatcher = NonNullable<Parameters<RequestContext["setDispatcher"]>[0]>;

/**
 * Creates the options of a call. Generated API calls take no signal and open a new connection each; middleware sets
 * both on their requests.
 */
function callOptions(module: ClientModule): (signal: AbortSignal) => CallOptions {
  // The dispatcher of the first request, which has the certificates of the kubeconfig.
  let shared: Dispatcher | undefined;
  return (signal) => {
    const options = module.setHeaderOptions("Accept", "application/json");
    const [middleware] = options.middleware ?? [];
    if (!middleware) return options;
    const { pre } = middleware;
    middleware.pre = (context) => {
      context.setSignal(signal);
      shared ??= context.getDispatcher();
      if (shared) context.setDispatcher(shared);
      return pre(context);
    };
    return options;
  };
}
