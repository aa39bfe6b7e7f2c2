import type { Agent } from "#core/agents/agent";
import { type AppliedAgent, applyAgent, type RefusedAgent } from "../../../agents/apply.ts";
import { type OperatorState, operatorState } from "../../../agents/operator-state.ts";
import type { WrittenAgent } from "../../../agents/spec-file.ts";
import type { Standing } from "../../../agents/standing.ts";
import { waitUntilReady } from "../../../agents/wait.ts";
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

/** The namespaces without a live operator, each with its state. */
async function statesOf(
  { objects }: AgentCluster,
  agents: readonly Agent[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, OperatorState>> {
  const namespaces = [...new Set(agents.map(({ metadata }) => String(metadata.namespace)))];
  const states = await Promise.all(namespaces.map((namespace) => operatorState(objects, namespace, signal)));
  return new Map(namespaces.flatMap((namespace, index) => [[namespace, states[index] as OperatorState]]));
}

/** Says where no operator is live. */
export async function sayWithoutOperator(
  connected: AgentCluster,
  agents: readonly Agent[],
  { reporter, signal }: CommandContext,
): Promise<void> {
  for (const [namespace, { isLive }] of await statesOf(connected, agents, signal)) {
    if (!isLive) reporter.say(`no operator works in ${namespace}: nothing happens until you start \`kgents operator\``);
  }
}

async function waitForAll(
  connected: AgentCluster,
  results: readonly Applied[],
  timeoutMilliseconds: number,
  { reporter, signal }: CommandContext,
): Promise<void> {
  const wait = async (result: Applied): Promise<void> => {
    const { written, answer } = result;
    if (answer.kind === "refused") return;
    const { agent } = answer;
    const title = titleOf(written.agent);
    const onChange = (standing: Standing): void => reporter.say(standingInWords(title, standing));
    const standing = await waitUntilReady(connected.objects, agent, { timeoutMilliseconds, signal, onChange });
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
  await sayWithoutOperator(connected, applied, context);
  if (flags.wait) {
    await waitForAll(connected, results, flags.timeout ?? defaultTimeoutMilliseconds, context);
  }
  if (flags.json) await printJson({ agents: results.map(reportOf) }, 2);
  const isDone = results.every(
    ({ answer, standing }) => answer.kind === "applied" && (!flags.wait || standing?.state === "ready"),
  );
  return isDone ? 0 : 1;
}
