import type { CellShape, Program } from "#core/contract/cell-shape";
import type { Isolation } from "#core/contract/result";
import type { Ecosystem, PackageRuntime } from "#core/packages/environment";
import type { CellPlan } from "../../cell-plan.ts";
import type { ProgramContext } from "../../provider.ts";
import type { LastingSandbox } from "../lasting/lasting-sandbox.ts";
import type { LastingProgram } from "../lasting/program-connections.ts";
import type { Launcher } from "../launcher/launcher.ts";
import type { SandboxRun } from "./run-sandbox.ts";

/** A run that is ready to start. */
interface PreparedRun {
  readonly launcher: Launcher;
  readonly run: SandboxRun;
  /** Connects the launcher to the network, if the run has one; returns a function that takes the connection down. */
  readonly connect?: (launcher: Launcher) => Promise<() => Promise<void>>;
}

/** A sandbox that is about to start and stays for many programs. */
export interface PreparedSandbox {
  readonly launcher: Launcher;
  /** As in {@link PreparedRun}. */
  readonly connect?: (launcher: Launcher) => Promise<() => Promise<void>>;
  /** @throws KgentsError if the sandbox does not start */
  readonly open: () => Promise<LastingSandbox>;
  readonly compose: (n: number, program: Program) => Promise<LastingProgram>;
}

/** How code runs on this machine: in the sandbox, or without one. */
export interface Engine {
  /**
   * Checks whether it works here, and returns one sentence that describes it.
   *
   * @throws KgentsError `sandbox-unavailable`
   */
  readonly examine: () => Promise<string>;
  /** The isolation that it enforces; for the default limits if no shape is given. */
  readonly isolation: (shape?: CellShape) => Promise<Isolation>;
  /** Checks the requirements of a cell, and prepares for it. */
  readonly provision: (shape: CellShape) => Promise<void>;
  /**
   * Asks the interpreter of a cell which packages fit it.
   *
   * @throws KgentsError
   */
  readonly runtime: (shape: CellShape, ecosystem: Ecosystem) => Promise<PackageRuntime>;
  readonly prepare: (cell: CellPlan, program: Program, context: ProgramContext) => Promise<PreparedRun>;
  /**
   * Prepares the sandbox of a cell with many programs.
   *
   * @throws KgentsError if there is no sandbox
   */
  readonly prepareLasting: (cell: CellPlan) => Promise<PreparedSandbox>;
  /** Prepares the next run's launcher. */
  readonly warm: () => void;
  readonly close: () => Promise<void>;
}
