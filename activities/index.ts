import { cleanUp } from "./clean-up.ts";
import type { Activities } from "./contract.ts";
import type { ActivityDependencies } from "./dependencies.ts";
import { execute } from "./execute.ts";
import { withTypedFailures } from "./failures.ts";
import { interruptProgram } from "./interrupt-program.ts";
import { forgetCheckpoint } from "./keep-checkpoint.ts";
import { prepareEnvironment } from "./prepare-environment.ts";
import { provision } from "./provision.ts";
import { readRequests } from "./read-requests.ts";
import { releaseCell, removeCell } from "./reap-cell.ts";
import { runProgram } from "./run-program.ts";
import { salvage } from "./salvage.ts";
import type { SessionActivities } from "./session-contract.ts";
import { sweepCells } from "./sweep-cells.ts";

/** Creates the activities with their dependencies. */
export const createActivities = (dependencies: ActivityDependencies): Activities & SessionActivities => ({
  provision: withTypedFailures(provision(dependencies)),
  execute: withTypedFailures(execute(dependencies)),
  prepareEnvironment: withTypedFailures(prepareEnvironment(dependencies)),
  salvage: withTypedFailures(salvage(dependencies)),
  cleanUp: withTypedFailures(cleanUp(dependencies)),
  readRequests: withTypedFailures(readRequests(dependencies)),
  releaseCell: withTypedFailures(releaseCell(dependencies)),
  removeCell: withTypedFailures(removeCell(dependencies)),
  runProgram: withTypedFailures(runProgram(dependencies)),
  interruptProgram: withTypedFailures(interruptProgram(dependencies)),
  forgetCheckpoint: withTypedFailures(forgetCheckpoint(dependencies)),
  sweepCells: () => withTypedFailures(sweepCells(dependencies))(undefined),
});
