/**
 * What the workflow reads of a request before an activity has checked it: anything can be in it.
 *
 * @module
 */
import { titleOf } from "#core/text/code-excerpt";

/** A few fields for people, from whatever came. */
export function fieldsOf(request: unknown): {
  title: string;
  language: string | undefined;
  requester: string | undefined;
  backend: string | undefined;
} {
  const fields: { language?: unknown; requester?: unknown; backend?: unknown } =
    typeof request === "object" && request !== null ? request : {};
  const text = (value: unknown): string | undefined => (typeof value === "string" ? value : undefined);
  return {
    title: titleOf(request),
    language: text(fields.language),
    requester: text(fields.requester),
    backend: text(fields.backend),
  };
}

/** Whether the run may use the sandbox when the cluster is found away: only where the request left the choice to us. */
export function mayFallBack(request: unknown): boolean {
  if (typeof request !== "object" || request === null) return false;
  const { backend, fallback }: { backend?: unknown; fallback?: unknown } = request;
  return (backend === undefined || backend === "auto") && fallback !== false;
}
