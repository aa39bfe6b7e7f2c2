import { type EventEmitter, once } from "node:events";
import { Context } from "@temporalio/activity";
import { faultInRollout, type RolledAgent, type Rollout, type RolloutEnd, rolloutEnd } from "#core/agents/rollout";
import { KgentsError } from "#core/contract/error";
import type { RolloutActivities } from "./contract.ts";
import { withTypedFailures } from "./failures.ts";
import { refuse } from "./inputs.ts";

/** The Agents of a cluster as they were last seen. */
export interface AgentView {
  /** Whether all Agents of a namespace have been seen. Undefined if the view does not cover the namespace. */
  readonly isComplete: (namespace: string) => boolean | undefined;
  /** The Agent; undefined if there is none. */
  readonly find: (namespace: string, name: string) => RolledAgent | undefined;
  /** Emits `changed` whenever an Agent changes, and after each list. */
  readonly events: EventEmitter<{ changed: [] }>;
}

/** How often a rollout that does not change is heartbeated, in milliseconds. */
const beatMilliseconds = 5000;

/** Resolves at the next change of any Agent, or after some seconds. */
async function nextLook({ events }: AgentView, cancelled: AbortSignal): Promise<void> {
  const signal = AbortSignal.any([cancelled, AbortSignal.timeout(beatMilliseconds)]);
  await once(events, "changed", { signal }).catch(() => {});
}

/** Waits for the end of a rollout. Any operator can take it over. */
const awaitRollout =
  (view: AgentView) =>
  async (rollout: Rollout): Promise<RolloutEnd> => {
    refuse(faultInRollout(rollout));
    const { cancellationSignal, heartbeat, cancelled } = Context.current();
    const { namespace, name } = rollout;
    for (;;) {
      const isComplete = view.isComplete(namespace);
      if (isComplete === undefined) {
        throw new KgentsError("backend-unavailable", `this operator does not see the namespace ${namespace}`);
      }
      const end = isComplete ? rolloutEnd(view.find(namespace, name), rollout) : undefined;
      if (end) return end;
      heartbeat();
      await nextLook(view, cancellationSignal);
      if (cancellationSignal.aborted) await cancelled;
    }
  };

/** Creates the activities of rollouts. */
export const createRolloutActivities = (view: AgentView): RolloutActivities => ({
  awaitRollout: withTypedFailures(awaitRollout(view)),
});
