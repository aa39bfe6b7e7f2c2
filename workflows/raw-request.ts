/**
 * What the workflow reads of a request before an activity has checked it: anything can be in it.
 *
 * @module
 */
import { firstLine } from "../core/first-line.ts";

/** A few fields for people, from whatever came. */
export function fieldsOf(request: unknown): { title: string; language: string | undefined } {
  const fields: { code?: unknown; entrypoint?: unknown; language?: unknown } =
    typeof request === "object" && request !== null ? request : {};
  const code = typeof fields.code === "string" ? fields.code : fields.entrypoint;
  const line = typeof code === "string" ? firstLine(code) : undefined;
  return {
    title: (line ?? "code").slice(0, 100),
    language: typeof fields.language === "string" ? fields.language : undefined,
  };
}

/** Whether the run may use the sandbox when the cluster is found away: only where the request left the choice to us. */
export function mayFallBack(request: unknown): boolean {
  if (typeof request !== "object" || request === null) return false;
  const { backend, fallback }: { backend?: unknown; fallback?: unknown } = request;
  return (backend === undefined || backend === "auto") && fallback !== false;
}
