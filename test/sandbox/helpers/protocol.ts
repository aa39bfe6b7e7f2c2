import type { BackendStatus, CellOutcome } from "../../../activities/backends/backend.ts";
import type { ExecutionRequest } from "../../../core/request.ts";

/** How a child that stands for a worker is set up. */
export interface ChildOptions {
  readonly stateDirectory: string;
  /** Where bubblewrap is; without it, the product looks for it and may not install it. */
  readonly bubblewrap?: string;
  readonly unsandboxed?: boolean;
}

/** What a test asks of the child. */
export type Order =
  | { readonly kind: "run"; readonly request: ExecutionRequest; readonly cellId: string; readonly stopAfter?: number }
  | { readonly kind: "execute-again"; readonly request: ExecutionRequest; readonly cellId: string }
  | { readonly kind: "status" | "sweep" | "close" };

/** What a run gave. */
export interface RunAnswer {
  readonly outcome: CellOutcome | null;
  readonly error: { readonly code: string; readonly message: string; readonly remedy: string } | null;
  readonly stdout: Buffer;
  readonly stderr: Buffer;
  readonly files: Record<string, Buffer>;
  readonly milliseconds: number;
}

/** The child's answer to an order. */
export interface Answer {
  readonly order: number;
  readonly run?: RunAnswer;
  readonly status?: BackendStatus;
  readonly swept?: number;
}
