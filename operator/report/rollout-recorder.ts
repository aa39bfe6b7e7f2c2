/** A new generation of an Agent that the operator begins to roll out. */
export interface Rollout {
  readonly namespace: string;
  readonly name: string;
  /** Distinguishes the Agent from an earlier or later one of the same name. */
  readonly uid: string;
  readonly generation: number;
  /** The image that the generation uses. */
  readonly image: string;
  /** What the generation changes, as paths below `spec`; empty for a new Agent, and if it is not known. */
  readonly changes: readonly string[];
  /** The field manager that last wrote the spec, such as `kgents`; undefined if it is not known. */
  readonly manager: string | undefined;
}

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
