import type { KubernetesJson } from "#cells/kubernetes/api/kubernetes-json";
import type { Objects } from "#cells/kubernetes/api/objects";
import { lineDiff } from "#core/text/line-diff";
import { applyAgent } from "../../../agents/cluster/apply.ts";
import { objectText } from "../../../agents/cluster/object-text.ts";
import { type PreviewedObject, previewAgent } from "../../../agents/cluster/preview.ts";
import type { WrittenAgent } from "../../../agents/specs/spec-file.ts";
import { print } from "../../terminal/print.ts";
import type { Reporter } from "../../terminal/reporter.ts";
import type { ApplyFlags } from "./agents-commands.ts";
import { answerInWords, previewInWords } from "./format-agents.ts";

/** The exit codes of `kubectl diff`: more than 1 is an error. */
const exitCodes = { same: 0, different: 1, refused: 2 } as const;

const textOf = (object: KubernetesJson | undefined): string => (object === undefined ? "" : objectText(object));

const differenceOf = ({ kind, name, before, after }: PreviewedObject): string =>
  lineDiff(textOf(before), textOf(after), { left: `live ${kind} ${name}`, right: `new ${kind} ${name}` });

/** Shows what an apply would change, of the Agents and of their objects. Writes nothing. */
export async function showDiff(
  objects: Objects,
  agents: readonly WrittenAgent[],
  flags: ApplyFlags,
  reporter: Reporter,
): Promise<number> {
  let exitCode: number = exitCodes.same;
  for (const written of agents) {
    const answer = await applyAgent(objects, written, { force: flags.forceConflicts === true, dryRun: true });
    if (answer.kind === "refused") {
      reporter.say(answerInWords(written, answer, true));
      exitCode = exitCodes.refused;
      continue;
    }
    for (const previewed of await previewAgent(objects, answer)) {
      if (previewed.refused !== undefined) {
        reporter.say(previewInWords(previewed));
        exitCode = exitCodes.refused;
        continue;
      }
      const difference = differenceOf(previewed);
      if (difference === "") continue;
      await print(difference);
      exitCode = Math.max(exitCode, exitCodes.different);
    }
  }
  return exitCode;
}
