import { readdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { bundleWorkflowCode, DefaultLogger, Worker } from "@temporalio/worker";
import { DeterminismViolationError } from "@temporalio/workflow";
import { beforeAll, describe, expect, it } from "vitest";
import { workflowSinks } from "#worker/interceptors";
import packageJson from "../../package.json" with { type: "json" };
import { ensureRuntime } from "../support/test-worker.ts";
import { readHistory } from "./read-history.ts";
import { recorded } from "./recorded.ts";
import { bundlePath } from "./recording-workers.ts";

const fileOf = (version: string, path: string) => new URL(`./${version}/${path}.json`, import.meta.url);

/** Replays histories against a bundle. Returns the errors by path name. */
async function replay(
  workflowBundle: { codePath: string } | { code: string },
  version: string,
  paths: readonly string[],
): Promise<Map<string, Error | undefined>> {
  const histories = await Promise.all(
    paths.map(async (path) => ({
      workflowId: path,
      history: await readHistory(fileOf(version, path)),
    })),
  );
  const errors = new Map<string, Error | undefined>();
  const replaying = Worker.runReplayHistories({ workflowBundle, sinks: workflowSinks(undefined) }, histories);
  for await (const { workflowId, error } of replaying) errors.set(workflowId, error);
  return errors;
}

beforeAll(() => {
  ensureRuntime();
});

it("this version's histories are recorded", () => {
  expect(Object.keys(recorded)).toContain(packageJson.version);
});

describe.each(Object.entries(recorded))("the histories of %s", (version, paths) => {
  it("are there, each of them and no other", async () => {
    const files = await readdir(new URL(`./${version}/`, import.meta.url));
    expect(files.sort()).toEqual(paths.map((path) => `${path}.json`).sort());
  });

  it("are replayed by today's workflows", async () => {
    const errors = await replay({ codePath: bundlePath }, version, paths);
    expect([...errors.keys()].sort()).toEqual([...paths].sort());
    expect([...errors].filter(([, error]) => error !== undefined)).toEqual([]);
  });

  it("are not replayed by workflows with a step more", async () => {
    const changed = await bundleWorkflowCode({
      workflowsPath: fileURLToPath(new URL("./changed-workflows.ts", import.meta.url)),
      workflowInterceptorModules: [fileURLToPath(new URL("../../workflows/interceptors.ts", import.meta.url))],
      logger: new DefaultLogger("ERROR"),
    });
    const oneOfEach = paths.filter((path) => ["succeeded", "batch", "reaped", "swept"].includes(path));
    const errors = await replay(changed, version, oneOfEach);
    expect([...errors].filter(([, error]) => !(error instanceof DeterminismViolationError))).toEqual([]);
    expect(errors.size).toBe(4);
  });
});
