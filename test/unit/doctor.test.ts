import { describe, expect, test } from "vitest";
import type { ProviderStatus } from "#cells/provider";
import { checkCluster } from "#client/doctor/backend-checks";
import { checkDirectory, checkNode } from "#client/doctor/machine-checks";
import { parseConfiguration } from "#core/configuration/configuration";
import { scriptedIsolation } from "../support/scripted-provider.ts";

test.each([
  ["18.20.0", "failed"],
  ["20.18.3", "failed"],
  ["22.19.0", "ok"],
  ["24.1.0", "ok"],
])("Node %s: %s", (version, status) => {
  expect(checkNode(version).status).toBe(status);
});

describe("the cluster", () => {
  const away: ProviderStatus = { available: false, summary: "it is away.", isolation: null };
  const proved: ProviderStatus = { available: true, summary: "Kubernetes v1", isolation: scriptedIsolation };
  const network = { enforced: false, by: "no canary has proved it" };
  const unproved: ProviderStatus = { ...proved, isolation: { ...scriptedIsolation, network } };
  test.each([
    ["away, with a sandbox", away, "required", true, "warning"],
    ["away, without", away, "required", false, "failed"],
    ["proved", proved, "required", true, "ok"],
    ["not proved", unproved, "required", true, "failed"],
    ["not proved, and none asks", unproved, "best-effort", true, "warning"],
  ] as const)("%s", (_, status, networkIsolation, hasSandbox, expected) => {
    const configuration = parseConfiguration({ worker: { kubernetes: { networkIsolation } } });
    expect(checkCluster(status, configuration, hasSandbox).status).toBe(expected);
  });
});

test("a directory that is not there is looked for above; one below a file cannot be made", async () => {
  expect((await checkDirectory("State", "/tmp/kgents-nowhere/at/all", "X")).status).toMatch(/ok|warning/);
  expect(await checkDirectory("State", "/etc/hostname/x", "X")).toMatchObject({
    status: "failed",
    remedy: expect.stringContaining("with X"),
  });
});
