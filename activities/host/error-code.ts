/** The `code` of a system error (`ENOENT`, `EEXIST`, ...); undefined where there is none. */
export const errorCode = (error: unknown): string | undefined =>
  error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
