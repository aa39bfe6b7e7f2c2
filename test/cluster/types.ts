/**
 * The cluster that tests run on, as tests see it.
 *
 * @module
 */
import type { Finished } from "../support/run.ts";

/** Serialisable: what is needed to control a node from another process. */
export interface ControlOptions {
  /** The node's first process, as this machine numbers it. */
  readonly process: number;
  /** The program whose first argument `kubectl` makes it kubectl. */
  readonly kubectl: string;
  /** What the components' script needs to start one again. */
  readonly environment: Readonly<Record<string, string>>;
}

/** What can be handed to another process: see `connectCluster`. */
export interface ClusterDescription {
  readonly kind: "given" | "kind" | "native";
  readonly kubeconfig: string;
  /** The native node's controls; null on clusters that are not ours to break. */
  readonly node: ControlOptions | null;
}

export interface TestCluster {
  readonly kind: ClusterDescription["kind"];
  /** The path of an administrator's kubeconfig, with everything inline. */
  readonly kubeconfig: string;
  /** Runs kubectl as an administrator. An exit code is an answer and not an error. */
  readonly kubectl: (args: readonly string[], options?: { readonly input?: string }) => Promise<Finished>;
  readonly node: NodeControl | null;
}

export type NodeComponent = "kubelet" | "apiserver" | "controller-manager" | "scheduler";

/** A request that one of the planted listeners received. */
export interface RecordedRequest {
  readonly listener: "host" | "metadata";
  /** RFC 3339. */
  readonly at: string;
  /** The address and port that it came from: the node's, where it came from a pod. */
  readonly from: string;
  readonly method: string;
  readonly path: string;
  /** The first 64 KiB. */
  readonly body: string;
}

/** Another node of the cluster. Its end leaves nothing of it, neither on this machine nor in the API, pods of its included. */
export interface SecondNode extends AsyncDisposable {
  readonly name: string;
  /** Makes the images of an archive known to it. */
  readonly importImage: (archive: string) => Promise<void>;
  /** Cuts its power: all that runs there is gone at once, and nothing of it closes a connection. */
  readonly lose: () => Promise<void>;
}

/** What only the native cluster can do: break its node, and look at it from inside. */
export interface NodeControl {
  /** Kills a component. */
  readonly stop: (component: NodeComponent) => Promise<void>;
  /** Starts a component with the flags it had, and waits until it is ready. */
  readonly start: (component: NodeComponent) => Promise<void>;
  /** Whether NetworkPolicies are enforced; they are after `up`. */
  readonly enforcePolicies: (on: boolean) => Promise<void>;
  /** The address at which pods reach the machine that the node runs on. */
  readonly hostAddress: string;
  /** The archive of the images that it came with. */
  readonly images: string;
  /** Makes the images of another archive known to it. */
  readonly importImage: (archive: string) => Promise<void>;
  /** Runs a program in the node's namespaces. */
  readonly run: (argv: readonly [string, ...string[]]) => Promise<Finished>;
  /**
   * Another node joins, in about 10 seconds. It is tainted `kgents.test/second:NoSchedule`, so that only pods that
   * tolerate it come there, and has the images of the first one. There is one at a time: who asks for another waits. It
   * ends with the process that asked for it, if not before.
   */
  readonly join: () => Promise<SecondNode>;
  /** A service account's token, signed with the cluster's key; its end may have passed. */
  readonly signToken: (claims: {
    readonly namespace: string;
    readonly serviceAccount: string;
    readonly expiresAt: Date;
  }) => Promise<string>;
  /** The path of a kubeconfig with that token; it goes with the cluster. */
  readonly kubeconfigWith: (credentials: { readonly token: string }) => Promise<string>;
  readonly registry: {
    /** An image with busybox that no test has pulled yet; the pull takes about 10 seconds. */
    readonly slowImage: () => string;
  };
  readonly listeners: {
    /** The address and port of an HTTP listener on the machine that the node runs on. */
    readonly host: string;
    /** The address and port of an HTTP listener where clouds have their metadata service. */
    readonly metadata: string;
    /** What both received since the cluster came up, in order. */
    readonly requests: () => Promise<readonly RecordedRequest[]>;
  };
}
