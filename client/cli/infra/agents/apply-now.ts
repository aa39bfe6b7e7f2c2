import { ClusterError } from "#cells/kubernetes/api/cluster-error";
import type { Agent } from "#core/agents/agent";
import { operatorStatus } from "#operator/leader/operator-status";
import { type AppliedAgent, applyAgent, type RefusedAgent } from "../../../agents/cluster/apply.ts";
import { clusterFailure } from "../../../agents/cluster/cluster-refusal.ts";
import { reconcileHere } from "../../../agents/cluster/reconcile-here.ts";
import type { Standing } from "../../../agents/cluster/standing.ts";
import { waitUntilReady } from "../../../agents/cluster/wait.ts";
import type { WrittenAgent } from "../../../agents/specs/spec-file.ts";
import { printJson } from "../../terminal/print.ts";
import type { Reporter } from "../../terminal/reporter.ts";
import type { ApplyFlags } from "./agents-commands.ts";
import type { AgentCluster } from "./connect-agents.ts";
import { answerInWords, standingInWords, titleOf } from "./format-agents.ts";

/** What a command needs to report and to end. */
export interface CommandContext {
  readonly reporter: Reporter;
  readonly signal: AbortSignal;
}

const defaultTimeoutMilliseconds = 120_000;

interface Applied {
  readonly written: WrittenAgent;
  readonly answer: AppliedAgent | RefusedAgent;
  standing?: Standing;
}

/** Applies Agents one after another. A refused one does not keep the others from being applied. */
export async function applyEach(
  { objects }: AgentCluster,
  agents: readonly WrittenAgent[],
  flags: ApplyFlags,
  { reporter, signal }: CommandContext,
): Promise<Applied[]> {
  const results: Applied[] = [];
  for (const written of agents) {
    signal.throwIfAborted();
    const answer = await applyAgent(objects, written, { force: flags.forceConflicts === true, dryRun: false });
    reporter.say(answerInWords(written, answer, false));
    if (answer.kind === "applied") for (const warning of answer.warnings) reporter.say(`Warning: ${warning}`);
    results.push({ written, answer });
  }
  return results;
}

/** Whether no operator is live in a namespace. Where that may not be read, it is said, and one is taken for granted. */
async function lacksOperator({ objects }: AgentCluster, namespace: string, reporter: Reporter): Promise<boolean> {
  try {
    return !(await operatorStatus(objects, namespace)).isLive;
  } catch (error) {
    if (!(error instanceof ClusterError) || error.status !== 403) throw clusterFailure(error);
    reporter.say(`whether an operator works in ${namespace} cannot be read: ${error.message}`);
    return false;
  }
}

/** The namespaces of Agents in which no operator is live. */
async function withoutOperator(
  connected: AgentCluster,
  agents: readonly Agent[],
  reporter: Reporter,
): Promise<ReadonlySet<string>> {
  const namespaces = [...new Set(agents.map(({ metadata }) => String(metadata.namespace)))];
  const answers = await Promise.all(namespaces.map((namespace) => lacksOperator(connected, namespace, reporter)));
  return new Set(namespaces.filter((_, index) => answers[index]));
}

/**
 * Does the operator's work once where no operator is live, and says so.
 *
 * @returns the namespaces in which this process does it
 */
export async function reconcileWithoutOperator(
  connected: AgentCluster,
  agents: readonly Agent[],
  { reporter, signal }: CommandContext,
): Promise<ReadonlySet<string>> {
  const { cluster, networkIsolation } = connected;
  const alone = await withoutOperator(connected, agents, reporter);
  for (const agent of agents) {
    if (alone.has(String(agent.metadata.namespace))) await reconcileHere(cluster, agent, { networkIsolation, signal });
  }
  for (const namespace of alone) {
    reporter.say(
      `no operator works in ${namespace}: reconciled once, with your rights; nothing puts drift back; start \`kgents operator\``,
    );
  }
  return alone;
}

async function waitForAll(
  connected: AgentCluster,
  results: readonly Applied[],
  alone: ReadonlySet<string>,
  timeoutMilliseconds: number,
  { reporter, signal }: CommandContext,
): Promise<void> {
  const { cluster, networkIsolation } = connected;
  const wait = async (result: Applied): Promise<void> => {
    const { written, answer } = result;
    if (answer.kind === "refused") return;
    const { agent } = answer;
    const title = titleOf(written.agent);
    const isAlone = alone.has(String(agent.metadata.namespace));
    const reconcile = isAlone ? () => reconcileHere(cluster, agent, { networkIsolation, signal }) : undefined;
    const onChange = (standing: Standing): void => reporter.say(standingInWords(title, standing));
    const standing = await waitUntilReady(connected.objects, agent, {
      timeoutMilliseconds,
      signal,
      onChange,
      reconcile,
    });
    result.standing = standing;
    if (standing.state === "waiting") reporter.say(`${title}: not ready after ${timeoutMilliseconds / 1000} s`);
  };
  await Promise.all(results.map(wait));
}

const reportOf = ({ written: { agent, file }, answer, standing }: Applied): object => ({
  namespace: agent.metadata.namespace,
  name: agent.metadata.name,
  file,
  ...(answer.kind === "refused"
    ? { action: "refused", mistakes: answer.mistakes }
    : { action: answer.action, generation: answer.agent.metadata.generation, warnings: answer.warnings }),
  ...(standing && { ready: standing.state === "ready", reason: standing.reason, message: standing.message }),
});

/** Applies Agents, and waits for them if asked to. */
export async function applyNow(
  connected: AgentCluster,
  agents: readonly WrittenAgent[],
  flags: ApplyFlags,
  context: CommandContext,
): Promise<number> {
  const results = await applyEach(connected, agents, flags, context);
  const applied = results.flatMap(({ answer }) => (answer.kind === "applied" ? [answer.agent] : []));
  const alone = await reconcileWithoutOperator(connected, applied, context);
  if (flags.wait) {
    await waitForAll(connected, results, alone, flags.timeout ?? defaultTimeoutMilliseconds, context);
  }
  if (flags.json) await printJson({ agents: results.map(reportOf), reconciledHere: [...alone] }, 2);
  const isDone = results.every(
    ({ answer, standing }) => answer.kind === "applied" && (!flags.wait || standing?.state === "ready"),
  );
  return isDone ? 0 : 1;
}
