import type { Rollout } from "#core/agents/rollout";

/**
 * Records rollouts where people look them up. The operator hands over each one once, when it begins, and goes on: its
 * work depends neither on the recorder nor on what the recorder needs.
 */
export interface RolloutRecorder {
  /** Takes a rollout. Returns at once and never throws: the recorder tries again by itself. */
  readonly begin: (rollout: Rollout) => void;
  /** Records what it can within some seconds, and ends. */
  readonly close: () => Promise<void>;
}
