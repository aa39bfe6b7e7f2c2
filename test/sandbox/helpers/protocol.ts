import type { ProviderStatus } from "#cells/provider";
import type { ExecutionRequest } from "#core/contract/request";
import type { RunAnswer, RunSettings } from "../../support/run-on-provider.ts";

/** How a child process that acts as a worker is set up. */
export interface ChildOptions {
  readonly stateDirectory: string;
  /** The path of bubblewrap. Without it, the product searches for it and may not install it. */
  readonly bubblewrap?: string;
  readonly unsandboxed?: boolean;
}

/** An instruction of a test to the child. */
export type Order =
  | ({ readonly kind: "run"; readonly request: ExecutionRequest } & Omit<RunSettings, "again">)
  | { readonly kind: "execute-again"; readonly request: ExecutionRequest; readonly cellId: string }
  | ({ readonly kind: "acquire" | "next"; readonly request: ExecutionRequest } & Omit<RunSettings, "again">)
  | { readonly kind: "release" | "remove"; readonly cellId: string }
  | { readonly kind: "status" | "sweep" | "close" };

/** The child's answer to an order. */
export interface Answer {
  readonly order: number;
  readonly run?: RunAnswer;
  readonly status?: ProviderStatus;
  readonly swept?: number;
  /** The code of a refusal of an order that has no other answer. */
  readonly refused?: string;
}
