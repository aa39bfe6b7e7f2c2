/** The `code` of a system error (`ENOENT`, `EEXIST`, ...); undefined where there is none. */
export const errorCode = (error: unknown): string | undefined =>
  error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;

/** The code that the system gave, of the error itself or of one behind it; codes of Node's own (`ERR_...`) are none. */
export function systemCodeOf(error: unknown): string | undefined {
  for (let each = error; each instanceof Error; each = each.cause) {
    const code = errorCode(each);
    if (code !== undefined && /^E(?!RR_)[A-Z0-9_]+$/.test(code)) return code;
  }
  return undefined;
}
