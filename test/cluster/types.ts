/**
 * The types of the test cluster.
 *
 * @module
 */
import type { Finished } from "../support/run.ts";

/** Serialisable: what another process needs to control a node. */
export interface ControlOptions {
  /** The pid of the node's first process on this machine. */
  readonly process: number;
  /** A program that acts as kubectl if its first argument is `kubectl`. */
  readonly kubectl: string;
  /** The environment that a component's script needs to start it again. */
  readonly environment: Readonly<Record<string, string>>;
}

/** Serialisable description of a cluster, for `connectCluster`. */
export interface ClusterDescription {
  readonly kind: "given" | "kind" | "native";
  readonly kubeconfig: string;
  /** The native node's controls; null on clusters that tests must not break. */
  readonly node: ControlOptions | null;
}

export interface TestCluster {
  readonly kind: ClusterDescription["kind"];
  /** The path of an administrator's kubeconfig, with everything inline. */
  readonly kubeconfig: string;
  /** Runs kubectl as an administrator. A non-zero exit code is not an error. */
  readonly kubectl: (args: readonly string[], options?: { readonly input?: string }) => Promise<Finished>;
  readonly node: NodeControl | null;
}

export type NodeComponent = "kubelet" | "apiserver" | "controller-manager" | "scheduler";

/** A request that one of the test listeners received. */
export interface RecordedRequest {
  readonly listener: "host" | "metadata";
  /** RFC 3339. */
  readonly at: string;
  /** The source address and port; for a pod, those of the node. */
  readonly from: string;
  readonly method: string;
  readonly path: string;
  /** The first 64 KiB. */
  readonly body: string;
}

/**
 * A second node of the cluster. Disposing of it removes everything, on this machine and in the API, including its pods.
 */
export interface SecondNode extends AsyncDisposable {
  readonly name: string;
  /** Imports the images of an archive. */
  readonly importImage: (archive: string) => Promise<void>;
  /** Cuts its power: all its processes end at once, and none closes its connections. */
  readonly lose: () => Promise<void>;
}

/** What only the native cluster supports: breaking its node, and inspecting it from inside. */
export interface NodeControl {
  /** Kills a component. */
  readonly stop: (component: NodeComponent) => Promise<void>;
  /** Starts a component with its previous flags, and waits until it is ready. */
  readonly start: (component: NodeComponent) => Promise<void>;
  /** Turns the enforcement of NetworkPolicies on or off. It is on after `up`. */
  readonly enforcePolicies: (on: boolean) => Promise<void>;
  /** The address at which pods reach the machine that the node runs on. */
  readonly hostAddress: string;
  /** The archive of its initial images. */
  readonly images: string;
  /** Imports the images of another archive. */
  readonly importImage: (archive: string) => Promise<void>;
  /** Runs a program in the node's namespaces. */
  readonly run: (argv: readonly [string, ...string[]]) => Promise<Finished>;
  /**
   * Adds a second node, in about 10 seconds. It is tainted `kgents.test/second:NoSchedule`, so that only pods that
   * tolerate the taint are scheduled there, and it has the images of the first node. There is one at a time: further
   * calls wait. The node ends with the process that added it, if not before.
   */
  readonly join: () => Promise<SecondNode>;
  /** A service account's token, signed with the cluster's key. It may already be expired. */
  readonly signToken: (claims: {
    readonly namespace: string;
    readonly serviceAccount: string;
    readonly expiresAt: Date;
  }) => Promise<string>;
  /** The path of a kubeconfig with that token. Removed with the cluster. */
  readonly kubeconfigWith: (credentials: { readonly token: string }) => Promise<string>;
  readonly registry: {
    /** An image with busybox that no test has pulled yet; the pull takes about 10 seconds. */
    readonly slowImage: () => string;
  };
  readonly listeners: {
    /** The address and port of an HTTP listener on the machine that the node runs on. */
    readonly host: string;
    /** The address and port of an HTTP listener at the metadata address of clouds. */
    readonly metadata: string;
    /** All requests to both since the cluster was started, in order. */
    readonly requests: () => Promise<readonly RecordedRequest[]>;
  };
}
