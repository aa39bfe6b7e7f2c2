import { ContinueAsNew, isCancellation } from "@temporalio/workflow";

/** How the span of a workflow ends. */
export interface TraceEnd {
  readonly status: string | null;
  readonly error: string | null;
}

/** The end of a workflow that ends by an exception. Continue-as-new and cancellation are not errors. */
export function traceEndOf(error: unknown): TraceEnd {
  if (error instanceof ContinueAsNew) return { status: "continued-as-new", error: null };
  if (isCancellation(error)) return { status: "cancelled", error: null };
  return { status: null, error: String(error) };
}
