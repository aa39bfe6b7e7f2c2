/**
 * The current workflows, each with one more step: the effect of a change without a patch on runs of another version.
 *
 * @module
 */
import { sleep } from "@temporalio/workflow";
import * as today from "#workflows/index";

type Workflow = (...args: never[]) => Promise<unknown>;

const delayed =
  <Original extends Workflow>(workflow: Original) =>
  async (...args: Parameters<Original>): Promise<unknown> => {
    await sleep(1);
    return workflow(...args);
  };

export const executeCode = delayed(today.executeCode);
export const executeBatch = delayed(today.executeBatch);
export const reapCell = delayed(today.reapCell);
export const rollOutAgent = delayed(today.rollOutAgent);
export const sweepCells = delayed(today.sweepCells);
