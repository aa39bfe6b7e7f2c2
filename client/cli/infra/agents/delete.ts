import type { Objects } from "#cells/kubernetes/api/objects";
import { agentNamespace } from "#core/agents/names";
import { KgentsError } from "#core/contract/error";
import { type AgentPlace, deleteAgent, findAgent } from "../../../agents/cluster/delete.ts";
import { waitUntilGone } from "../../../agents/cluster/wait.ts";
import { isPath } from "../../../agents/specs/load-agents.ts";
import { printJson } from "../../terminal/print.ts";
import type { Reporter } from "../../terminal/reporter.ts";
import { carryOut } from "../carry-out.ts";
import type { DeleteFlags } from "./agents-commands.ts";
import { connectAgents } from "./connect-agents.ts";
import { checkLoaded, loadNamed } from "./load.ts";
import { reportMistakes } from "./report-mistakes.ts";

/** Longer than the longest grace period of a pod that was not changed by its author. */
const timeoutMilliseconds = 120_000;

const titleOf = ({ namespace, name }: AgentPlace): string => `Agent ${namespace}/${name}`;

/** The Agent of the cluster that a name stands for. @throws KgentsError `not-found`, with the nearest name */
async function placeOf(objects: Objects, name: string, namespace: string): Promise<AgentPlace> {
  const found = await findAgent(objects, name, namespace);
  if ("metadata" in found) return { name: found.metadata.name, namespace };
  const meant = found.nearest === undefined ? "" : ` (did you mean ${found.nearest}?)`;
  throw new KgentsError("not-found", `there is no Agent ${JSON.stringify(name)} in ${namespace}${meant}`, {
    field: "agent",
    remedy: "`kgents infra status` lists them.",
  });
}

/** Deletes one Agent. Returns what is left of it. */
async function deleteOne(
  objects: Objects,
  place: AgentPlace,
  flags: DeleteFlags,
  { reporter, signal }: { readonly reporter: Reporter; readonly signal: AbortSignal },
): Promise<"deleted" | "not-found" | "left"> {
  const title = titleOf(place);
  const uid = await deleteAgent(objects, place);
  if (uid === undefined) {
    reporter.say(`${title}: there is none`);
    return "not-found";
  }
  if (flags.wait === false) {
    reporter.say(`${title}: deleted; its pods end by themselves`);
    return "deleted";
  }
  reporter.progress(`${title}: deleted; waiting for its pods ...`);
  const left = await waitUntilGone(objects, place, uid, { timeoutMilliseconds, signal });
  reporter.settled();
  const isGone = left.length === 0;
  reporter.say(
    isGone ? `${title}: deleted` : `${title}: deleted; after ${timeoutMilliseconds / 1000} s left: ${left.join(", ")}`,
  );
  return isGone ? "deleted" : "left";
}

/** `kgents infra delete`. */
export const deleteAgents = (targets: readonly string[], flags: DeleteFlags): Promise<number> =>
  carryOut(
    { json: flags.json, interrupted: "interrupted (a second time exits at once); what was deleted goes on ending" },
    async (reporter, signal) => {
      const files = targets.filter(isPath);
      // Only names count: an Agent whose spec has no program yet may be there as a placeholder.
      const withoutProgram = { ...flags, placeholder: true } as const;
      const isFromFiles = files.length > 0 || flags.all || targets.length === 0;
      const loaded = isFromFiles ? await loadNamed(files, withoutProgram) : undefined;
      if (loaded && loaded.mistakes.length > 0) {
        return reportMistakes(loaded.mistakes, "nothing was deleted", flags.json === true);
      }
      if (loaded) checkLoaded(loaded, reporter);
      const { objects } = await connectAgents(flags);
      const namespace = flags.namespace ?? agentNamespace;
      const names = targets.filter((target) => !isPath(target));
      const places = [
        ...(loaded?.agents ?? []).map(({ agent: { metadata } }) => ({
          name: metadata.name,
          namespace: metadata.namespace ?? namespace,
        })),
        // All are found before one is deleted.
        ...(await Promise.all(names.map((name) => placeOf(objects, name, namespace)))),
      ];
      const results = await Promise.all(
        places.map(async (place) => ({
          ...place,
          result: await deleteOne(objects, place, flags, { reporter, signal }),
        })),
      );
      if (flags.json) await printJson({ agents: results }, 2);
      return results.every(({ result }) => result === "deleted") ? 0 : 1;
    },
  );
