/** One thing that a run needs, as it was found. */
export interface Check {
  readonly name: string;
  /** `warning`: runs can be carried out, and something is not as it should be. `failed`: they cannot. */
  readonly status: "ok" | "warning" | "failed";
  /** What was found, in a sentence. */
  readonly found: string;
  /** What to do; null where nothing is. */
  readonly remedy: string | null;
}

/** All is well with it. */
export const ok = (name: string, found: string): Check => ({ name, status: "ok", found, remedy: null });

/** Something is not as it should be. */
export const warning = (name: string, found: string, remedy: string): Check => ({
  ...{ name, status: "warning", found, remedy },
});

/** Runs cannot be carried out. */
export const failed = (name: string, found: string, remedy: string): Check => ({
  ...{ name, status: "failed", found, remedy },
});
