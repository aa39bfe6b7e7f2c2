/**
 * `kgents operator`: reconciles Agents in the foreground, for people and containers.
 *
 * @module
 */
import { type ClusterClient, createClusterClient } from "#cells/kubernetes/api/cluster-client";
import { ClusterError, toRunFailure } from "#cells/kubernetes/api/cluster-error";
import { createObjects } from "#cells/kubernetes/api/objects";
import { resourceTypes } from "#cells/kubernetes/api/resource-types";
import { agentCrdName, agentNamespace } from "#core/agents/names";
import type { OperatorCommandFlags } from "#core/configuration/operator-flags";
import { exitCodeOfFailure } from "#core/contract/command-exit-code";
import { KgentsError } from "#core/contract/error";
import type { Listening } from "#platform/host/bounded-http-server";
import { loadConfiguration } from "#platform/host/configuration-file";
import { onEndingSignal } from "#platform/host/ending-signals";
import { startHealthServer } from "#platform/host/health-server";
import { createLogger, type Logger } from "#platform/host/logger";
import { reconcileAll } from "./reconcile-all.ts";
import { createOperatorMetrics, type OperatorMetrics } from "./report/metrics.ts";
import { startMetricsServer } from "./report/metrics-server.ts";
import type { RolloutRecorder } from "./report/rollout-recorder.ts";
import { startOperator } from "./run-operator.ts";
import type { NetworkIsolationPolicy } from "./see/isolation.ts";

/** What a recorder of rollouts is made from. */
export interface RolloutSource {
  readonly client: ClusterClient;
  /** The namespaces of the operator; undefined for all. */
  readonly namespaces: readonly string[] | undefined;
  readonly log: Logger;
}

/** What others hand in. */
export interface OperatorHooks {
  /** Connects, in the background, to where rollouts are recorded. @default rollouts are not recorded */
  readonly openRollouts?: (source: RolloutSource) => Promise<RolloutRecorder>;
}

/**
 * Refuses to start where there are no Agents to see: the operator would wait without a word.
 *
 * @throws KgentsError `cluster-unavailable`, `forbidden`
 */
async function requireAgents(client: ClusterClient, namespace: string): Promise<void> {
  try {
    await createObjects(client).list(resourceTypes.Agent, { namespace });
  } catch (error) {
    if (!(error instanceof ClusterError)) throw error;
    if (error.status !== 404) throw toRunFailure(error);
    throw new KgentsError("cluster-unavailable", `the cluster at ${client.server} has no ${agentCrdName}`, {
      cause: error,
      remedy: "Install the Agent resource with `kgents infra crd`.",
    });
  }
}

/** The namespaces to serve; undefined for all. */
function namespacesOf({ namespace, allNamespaces }: OperatorCommandFlags): readonly string[] | undefined {
  if (!allNamespaces) return [...new Set(namespace ?? [agentNamespace])];
  if (namespace === undefined) return undefined;
  throw new KgentsError("invalid-request", "--all-namespaces: got --namespace beside it; allowed is one of the two", {
    field: "--all-namespaces",
  });
}

/** The default remedy of a missing right is about workers. */
const remedyOf = ({ code, remedy }: KgentsError): string =>
  code === "forbidden" ? "Give the operator's account the Role kgents-operator of deploy/agents." : remedy;

interface Run {
  readonly client: ClusterClient;
  readonly namespaces: readonly string[] | undefined;
  readonly networkIsolation: NetworkIsolationPolicy;
  readonly metrics: OperatorMetrics;
  readonly log: Logger;
}

/** Runs the operator until a signal ends it. A second signal ends the process at once. */
async function runUntilSignal(run: Run, hooks: OperatorHooks, ready: (unready: () => string | undefined) => void) {
  const { log } = run;
  const rollouts = await hooks.openRollouts?.(run);
  const operator = startOperator({ ...run, rollouts });
  ready(operator.unready);
  log.info({ identity: operator.identity, namespaces: run.namespaces ?? "all" }, "the operator has started");
  const ending = Promise.withResolvers<void>();
  const release = onEndingSignal((signal) => {
    log.info({ signal }, "ending: what is under way is finished, and the Lease released");
    ending.resolve();
    onEndingSignal(() => process.exit(1));
  });
  await ending.promise;
  await operator.close();
  release();
  log.info("the operator has stopped");
}

/**
 * Runs `kgents operator`. Returns the exit code: 0 at the end, 1 if `--once` left an Agent that could not be reconciled,
 * else that of the failure.
 */
export async function operate(flags: OperatorCommandFlags, hooks: OperatorHooks = {}): Promise<number> {
  const log = createLogger();
  const servers: Listening[] = [];
  let unready = (): string | undefined => "the operator is starting";
  try {
    const namespaces = namespacesOf(flags);
    const { configuration } = await loadConfiguration({ path: flags.config });
    const { context, networkIsolation } = configuration.operator;
    const metrics = createOperatorMetrics();
    const { healthPort, healthHost, metricsPort, metricsHost } = flags;
    if (healthPort !== undefined) {
      servers.push(await startHealthServer({ host: healthHost, port: healthPort }, async () => unready()));
    }
    if (metricsPort !== undefined) {
      servers.push(await startMetricsServer({ host: metricsHost, port: metricsPort }, metrics.render));
    }
    const namespace = namespaces?.[0] ?? agentNamespace;
    const client = await createClusterClient({ context: flags.context ?? context, namespace });
    for (const each of namespaces ?? ["*"]) await requireAgents(client, each);
    const run: Run = { client, namespaces, networkIsolation, metrics, log };
    if (flags.once) return (await reconcileAll(run)) ? 0 : 1;
    await runUntilSignal(run, hooks, (later) => {
      unready = later;
    });
    return 0;
  } catch (thrown) {
    const error = thrown instanceof ClusterError ? toRunFailure(thrown) : thrown;
    if (!(error instanceof KgentsError)) throw error;
    log.fatal({ kind: error.code, remedy: remedyOf(error) }, error.message);
    return exitCodeOfFailure(error.code);
  } finally {
    await Promise.all(servers.map((server) => server.close()));
  }
}
