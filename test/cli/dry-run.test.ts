/** `kgents exec --dry-run`: prints the Job and nothing else, without a server. */
import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parse, parseAllDocuments } from "yaml";
import { JobBuilder } from "#core/manifest/job-builder";
import { type CommandLine, createCommandLine } from "../support/command-line.ts";

let terminal: CommandLine;
beforeAll(async () => {
  // Neither a server nor the tools to start one: they must not be needed.
  terminal = await createCommandLine({ environment: { KGENTS_TEMPORAL_CLI: "/nonexistent" } });
});
afterAll(() => terminal[Symbol.asyncDispose]());

const secret = "print('a secret that stays at home')";
const dryRun = async (...flags: string[]) => {
  const { code, stdout, stderr } = await terminal.run(["exec", "--dry-run", "--code", secret, ...flags]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(existsSync(terminal.state)).toBe(false);
  return stdout;
};

test("prints one YAML document and nothing else", async () => {
  const stdout = await dryRun();
  const documents = parseAllDocuments(stdout);
  expect(documents).toHaveLength(1);
  const job = parse(stdout);
  expect(job).toEqual(await new JobBuilder("exec").withCode(secret).toManifest());
  expect(stdout.split("\n").filter((line) => line.startsWith("#"))).toEqual([
    "# The code is not in this manifest: it is delivered by one exec into the running cell, as are its files and stdin.",
  ]);
  expect(stdout).not.toContain("stays at home");
  expect(await readdir(terminal.directory)).toEqual([]);
});

test("--json prints the same as JSON", async () => {
  expect(JSON.parse(await dryRun("--json"))).toEqual(parse(await dryRun()));
});

const container = "spec.template.spec.containers.0";
const securityContext = `${container}.securityContext`;

/** Each hardening setting by its place in the Job. */
const settings: [path: string, value: unknown][] = [
  ["kind", "Job"],
  ["metadata.name", "exec-dry-run"],
  ["metadata.namespace", "kgents-ephemeral"],
  ["spec.backoffLimit", 0],
  ["spec.podReplacementPolicy", "Failed"],
  ["spec.ttlSecondsAfterFinished", 60],
  ["spec.template.spec.restartPolicy", "Never"],
  ["spec.template.spec.automountServiceAccountToken", false],
  ["spec.template.spec.enableServiceLinks", false],
  ["spec.template.spec.securityContext.runAsNonRoot", true],
  ["spec.template.spec.securityContext.seccompProfile.type", "RuntimeDefault"],
  [`${securityContext}.readOnlyRootFilesystem`, true],
  [`${securityContext}.allowPrivilegeEscalation`, false],
  [`${securityContext}.capabilities.drop`, ["ALL"]],
  [`${container}.resources.limits.cpu`, "1"],
  [`${container}.resources.limits.memory`, "512Mi"],
];

const at = (value: unknown, path: string): unknown =>
  path.split(".").reduce<unknown>((part, name) => Object(part)[name], value);

test("every hardening setting is there", async () => {
  const job = JSON.parse(await dryRun("--json"));
  expect(settings.map(([path]) => [path, at(job, path)])).toEqual(settings);
  for (const name of ["runAsUser", "runAsGroup"]) {
    expect(at(job, `spec.template.spec.securityContext.${name}`), name).toBeGreaterThan(0);
  }
});

describe("flags show in the Job", () => {
  const flags: [flags: string[], path: string, value: unknown][] = [
    [["--network"], "metadata.labels.kgents\0io/network", "true"],
    [[], "metadata.labels.kgents\0io/network", "false"],
    [["--lang", "shell"], "metadata.labels.kgents\0io/language", "sh"],
    [["--label", "team=red"], "metadata.labels.team", "red"],
    [["--cpu", "200m", "--memory", "256Mi"], `${container}.resources.limits.cpu`, "200m"],
    [["--memory", "256Mi"], `${container}.resources.limits.memory`, "256Mi"],
    [["--image", "python:3.12-slim"], `${container}.image`, "python:3.12-slim"],
    [["--ttl", "5m"], "spec.ttlSecondsAfterFinished", 300],
    [["--timeout", "600", "--startup-timeout", "100"], "spec.activeDeadlineSeconds", 1000],
  ];
  test.each(flags)("%j", async (given, path, value) => {
    const job = JSON.parse(await dryRun("--json", ...given));
    const found = path.split(".").reduce<unknown>((part, name) => Object(part)[name.replace("\0", ".")], job);
    expect(found).toEqual(value);
  });
});

describe("the worker's settings", () => {
  const kubernetes = {
    namespace: "my-cells",
    runtimeClassName: "gvisor",
    userIds: { first: 5000, count: 100 },
    podTemplate: { nodeSelector: { pool: "cells" }, resources: { "nvidia.com/gpu": 1 }, annotations: { note: "x" } },
  };
  const shown = async (worker: object, environment: NodeJS.ProcessEnv = {}) => {
    const config = await terminal.file("worker.json", JSON.stringify({ worker }));
    const { code, stdout, stderr } = await terminal.run(
      ["exec", "--dry-run", "--json", "--code", secret, "--config", config],
      { environment },
    );
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    return JSON.parse(stdout);
  };

  test("of this machine are shown where its own server and worker would carry out the run", async () => {
    const job = await shown({ kubernetes });
    expect(job.metadata.namespace).toBe("my-cells");
    const { metadata, spec } = job.spec.template;
    expect(metadata.annotations.note).toBe("x");
    expect(spec).toMatchObject({
      runtimeClassName: "gvisor",
      nodeSelector: { pool: "cells" },
      securityContext: { runAsUser: 5000 },
      containers: [{ resources: { requests: { "nvidia.com/gpu": "1" }, limits: { "nvidia.com/gpu": "1" } } }],
    });
  });

  test("are not shown where another worker would, whose settings are unknown", async () => {
    const plain = await new JobBuilder("exec").withCode(secret).toManifest();
    const elsewhere = { TEMPORAL_ADDRESS: "temporal.example.com:7233" };
    expect(await shown({ kubernetes }, elsewhere)).toEqual(plain);
    expect(await shown({ kubernetes, backends: ["subprocess"] })).toEqual(plain);
  });
});

test("code of any size and from anywhere", async () => {
  const large = `# ${"x".repeat(3_000_000)}\nprint(1)\n`;
  const { code, stdout } = await terminal.run(["exec", "--dry-run", "--json"], { input: large });
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toEqual(await new JobBuilder("exec").withCode(large).toManifest());
});
