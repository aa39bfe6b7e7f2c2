/** The required outcome of every witness run, whatever happened to workers and servers. */
import { expect } from "vitest";
import type { ExecutionHandle } from "#client/sdk/execution-handle";
import { replayAll } from "../support/test-worker.ts";
import { until } from "./moments.ts";
import { sha256, starts, witnessOutput } from "./witness.ts";
import type { WorkerScene } from "./worker-scene.ts";

/** Waits for the end of a run: its code was started once, and its output is complete and in order. */
export async function ranOnce(id: string, handle: ExecutionHandle): Promise<void> {
  const result = await handle.result();
  expect(result).toMatchObject({ status: "succeeded", exitCode: 0, attempts: 1, backend: "kubernetes" });
  for (const stream of ["stdout", "stderr"] as const) {
    expect(result[stream]).toMatchObject({ truncated: false, sha256: sha256(witnessOutput[stream]) });
    expect(result[stream].text === witnessOutput[stream], `${stream} as it was written`).toBe(true);
  }
  expect(await starts(id)).toBe(1);
}

/** Waits until nothing is left of a scene's runs. Their histories can be replayed. */
export async function nothingLeft(scene: WorkerScene): Promise<void> {
  await until("the end of the Jobs and their pods", async () => (await scene.namespace.left()).length === 0, 1000);
  expect(await replayAll(scene.client, scene.taskQueue)).toBeGreaterThan(0);
}
