/**
 * Reads fields of a request that no activity has validated yet.
 *
 * @module
 */
import { titleOf } from "#core/text/code-excerpt";

/** Fields of an unvalidated request, for display. */
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

/**
 * Whether the run may use the sandbox if the cluster is unavailable: only with backend `auto`, unless `fallback` is
 * false.
 */
export function mayFallBack(request: unknown): boolean {
  if (typeof request !== "object" || request === null) return false;
  const { backend, fallback }: { backend?: unknown; fallback?: unknown } = request;
  return (backend === undefined || backend === "auto") && fallback !== false;
}
