import { isCancellation, proxyActivities, setCurrentDetails } from "@temporalio/workflow";
import type { RolloutActivities } from "#activities/contract";
import { faultInRollout, type Rollout, type RolloutEnd, rolloutTitle } from "#core/agents/rollout";
import { formatDuration } from "#core/text/duration";
import { codeSpan, prose } from "#core/text/markdown";
import { refuse, toWorkflowFailure } from "./failure.ts";

/** The longest rollout that is followed. An operator that is gone does not end it. */
const longest = "1 day";

const following = (rollout: Rollout): RolloutActivities =>
  proxyActivities<RolloutActivities>({
    // An operator that ends hands the rollout over to another one.
    heartbeatTimeout: "30s",
    startToCloseTimeout: longest,
    scheduleToCloseTimeout: longest,
    retry: { initialInterval: "1s", backoffCoefficient: 2, maximumInterval: "30s" },
    summary: `await the rollout of ${rolloutTitle(rollout)}`,
  });

function beginInWords({ namespace, name, generation, image, changes, manager }: Rollout): string {
  const what = changes.length === 0 ? "" : `\n\nChanged: ${changes.map(codeSpan).join(", ")}`;
  const who = manager ? `\n\nBy the field manager ${codeSpan(manager)}` : "";
  return `Agent ${codeSpan(name)} in ${codeSpan(namespace)}, generation ${generation}, image ${codeSpan(image)}${what}${who}`;
}

function endInWords({ outcome, reason, message }: RolloutEnd, milliseconds: number): string {
  const why = [reason === null ? "" : ` (${reason})`, message === null ? "" : `: ${prose(message)}`].join("");
  return `**${outcome}** after ${formatDuration(milliseconds)}${why}`;
}

/**
 * Records the rollout of one generation of an Agent: what changes, by whom, and how it ends. It changes nothing in the
 * cluster. The operator does not wait for it.
 */
export async function rollOutAgent(rollout: Rollout): Promise<RolloutEnd> {
  refuse(faultInRollout(rollout));
  const begun = Date.now();
  const details = beginInWords(rollout);
  setCurrentDetails(details);
  try {
    const end = await following(rollout).awaitRollout(rollout);
    setCurrentDetails(`${endInWords(end, Date.now() - begun)}\n\n${details}`);
    return end;
  } catch (error) {
    throw isCancellation(error) ? error : toWorkflowFailure(error);
  }
}
