import type { SandboxMode } from "../bubblewrap-arguments.ts";
import type { SandboxRun } from "../run-sandbox.ts";

type CloseOff = NonNullable<SandboxRun["network"]>;

/** Gives sandboxes a way out that is closed towards this machine and private networks. */
export interface NetworkIsolation {
  /** @throws KgentsError `network-isolation-unavailable` */
  readonly prepare: (mode: SandboxMode) => Promise<CloseOff>;
}

export function createNetworkIsolation(): NetworkIsolation {
  return { prepare: () => Promise.reject(new Error("not yet")) };
}
