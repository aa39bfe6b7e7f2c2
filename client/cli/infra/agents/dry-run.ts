import type { Objects } from "#cells/kubernetes/api/objects";
import { parseAgent } from "#core/agents/agent";
import { renderChildren } from "#core/agents/children";
import { applyAgent } from "../../../agents/cluster/apply.ts";
import { objectText } from "../../../agents/cluster/object-text.ts";
import { previewAgent } from "../../../agents/cluster/preview.ts";
import { agentYaml } from "../../../agents/generated/agent-yaml.ts";
import type { WrittenAgent } from "../../../agents/specs/spec-file.ts";
import { print, printJson } from "../../terminal/print.ts";
import type { Reporter } from "../../terminal/reporter.ts";
import type { ApplyFlags } from "./agents-commands.ts";
import { answerInWords, previewInWords } from "./format-agents.ts";

/** Prints Agents and the objects that the operator would make of them. Asks no cluster. */
export async function dryRunHere(agents: readonly WrittenAgent[], { json }: ApplyFlags): Promise<number> {
  const objects = agents.flatMap(({ agent }) => {
    const { agent: complete } = parseAgent(agent);
    // What was loaded has been checked.
    return [agent, ...(complete === undefined ? [] : renderChildren(complete))];
  });
  if (json) await printJson({ apiVersion: "v1", kind: "List", items: objects }, 2);
  else {
    const texts = objects.map((object) =>
      "spec" in object && object.kind === "Agent" ? agentYaml(object) : objectText(object),
    );
    await print(texts.join("---\n"));
  }
  return 0;
}

/** Asks the server what it would answer to the Agents and their objects. Writes nothing. */
export async function dryRunOnServer(
  objects: Objects,
  agents: readonly WrittenAgent[],
  flags: ApplyFlags,
  reporter: Reporter,
): Promise<number> {
  let isRefused = false;
  const report: object[] = [];
  for (const written of agents) {
    const answer = await applyAgent(objects, written, { force: flags.forceConflicts === true, dryRun: true });
    reporter.say(answerInWords(written, answer, true));
    const { name, namespace } = written.agent.metadata;
    if (answer.kind === "refused") {
      isRefused = true;
      report.push({ namespace, name, file: written.file, action: "refused", mistakes: answer.mistakes });
      continue;
    }
    for (const warning of answer.warnings) reporter.say(`Warning: ${warning}`);
    const [, ...children] = await previewAgent(objects, answer);
    for (const child of children) reporter.say(previewInWords(child));
    isRefused ||= children.some(({ refused }) => refused !== undefined);
    const { action, warnings } = answer;
    report.push({ namespace, name, file: written.file, action, warnings, objects: children });
  }
  if (flags.json) await printJson({ agents: report }, 2);
  return isRefused ? 1 : 0;
}
