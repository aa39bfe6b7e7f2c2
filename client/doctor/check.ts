/** The result of one check of a doctor run. */
export interface Check {
  readonly name: string;
  /** `warning`: runs can be carried out, but something should be fixed. `failed`: they cannot. */
  readonly status: "ok" | "warning" | "failed";
  /** What was found, in one sentence. */
  readonly found: string;
  /** What to do; null if nothing is needed. */
  readonly remedy: string | null;
}

/** A check that passed. */
export const ok = (name: string, found: string): Check => ({ name, status: "ok", found, remedy: null });

/** A check that found something to fix; runs can be carried out. */
export const warning = (name: string, found: string, remedy: string): Check => ({
  name,
  status: "warning",
  found,
  remedy,
});

/** A check that failed: runs cannot be carried out. */
export const failed = (name: string, found: string, remedy: string): Check => ({
  name,
  status: "failed",
  found,
  remedy,
});
