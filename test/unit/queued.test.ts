/** What the heartbeats of `provision` say while a run waits for a slot, and once it has one. */
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { ActivityDependencies } from "#activities/dependencies";
import { createActivities } from "#activities/index";
import { createRunningCells } from "#activities/running-cells";
import { parseConfiguration } from "#core/configuration/configuration";
import { builtInLanguages } from "#core/contract/language";
import { noEnvironments, scriptedProvider } from "../support/scripted-provider.ts";
import { attempt, memoryStore } from "./cell-life-support.ts";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval", "Date"] });
});
afterEach(() => {
  vi.useRealTimers();
});

it("a run is reported as queued until it has its slot, and not while its cell is prepared", async () => {
  const prepared = Promise.withResolvers<void>();
  const provider = scriptedProvider("subprocess", { reach: "host", maximumCells: 1, acquire: () => prepared.promise });
  const dependencies: ActivityDependencies = {
    store: memoryStore(async () => {}),
    providers: { subprocess: provider },
    environments: noEnvironments,
    languages: builtInLanguages,
    policy: parseConfiguration({}).worker,
    hostTaskQueue: "host",
    searchAttributes: false,
    running: createRunningCells(),
    askRun: async () => ({ open: true }),
    openRuns: async () => new Set(),
  };
  const { provision } = createActivities(dependencies);
  provider.placement.hold("another");
  const heartbeats: unknown[] = [];
  const input = { request: { code: "x", backend: "subprocess" }, attempt: 1, wait: true };
  const provisioned = attempt(
    "provision",
    "nobody",
    () => provision(input),
    (details) => heartbeats.push(details),
  );

  await vi.advanceTimersByTimeAsync(5000);
  expect(heartbeats.at(-1)).toEqual({ phase: "queued", ahead: 1 });
  provider.placement.release("another");
  await vi.advanceTimersByTimeAsync(5000);
  expect(provider.calls).toEqual(["acquire"]);
  expect(heartbeats.at(-1)).toEqual({ phase: "provisioning" });
  prepared.resolve();
  await vi.advanceTimersByTimeAsync(0);
  expect(await provisioned).toMatchObject({ taskQueue: "host" });
});
