import type { Enforcement } from "#core/contract/result";

/** A limit that something enforces. */
export const enforced = (by: string): Enforcement => ({ enforced: true, by });

/** A limit that nothing enforces, and why. */
export const notEnforced = (by: string): Enforcement => ({ enforced: false, by });
