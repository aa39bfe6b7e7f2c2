import type { Isolation } from "#core/contract/result";
import type { CellPlan, ExecuteContext } from "../../provider.ts";
import type { Launcher } from "../launcher/launcher.ts";
import type { SandboxRun } from "./run-sandbox.ts";

/** A run that is ready to go. */
interface PreparedRun {
  readonly launcher: Launcher;
  readonly run: SandboxRun;
  /** Connects the launcher to the network, where the run has one; returns what takes the connection down. */
  readonly connect?: (launcher: Launcher) => Promise<() => Promise<void>>;
}

/** How code runs on this machine: in the sandbox, or bare. */
export interface Engine {
  /**
   * Looks whether it works here, and says in a sentence what it is.
   *
   * @throws KgentsError `sandbox-unavailable`
   */
  readonly examine: () => Promise<string>;
  /** What it enforces; for a usual run where none is given. */
  readonly isolation: (plan?: CellPlan) => Promise<Isolation>;
  /** Checks what only this run needs, and gets ready. */
  readonly provision: (plan: CellPlan) => Promise<void>;
  readonly prepare: (plan: CellPlan, context: ExecuteContext) => Promise<PreparedRun>;
  /** Makes the next run's launcher. */
  readonly warm: () => void;
  readonly close: () => Promise<void>;
}
