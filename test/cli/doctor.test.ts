/** `kgents doctor` on machines where nothing runs, everything runs, or something is missing. */
import { existsSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import type { Examination } from "#client/doctor/examine";
import { type CommandLine, createCommandLine, type RunOptions } from "../support/command-line.ts";
import { freePort } from "../support/dev-server.ts";

let terminal: CommandLine;
beforeAll(async () => {
  terminal = await createCommandLine({ environment: { KGENTS_TEMPORAL_CLI: inject("temporalBinary") } });
});
afterAll(() => terminal[Symbol.asyncDispose]());

async function examined(options?: RunOptions): Promise<Examination & { code: number | null }> {
  const { code, stdout, stderr } = await terminal.run(["doctor", "--json"], options);
  expect(stderr).toBe("");
  return { code, ...JSON.parse(stdout) };
}

const check = ({ checks }: Examination, name: string) => checks.find((one) => one.name === name);

describe("on a machine where nothing runs", () => {
  test("it says what to do, and starts nothing", async () => {
    const { code, stdout } = await terminal.run(["doctor"]);
    expect(code).toBe(1);
    expect(stdout).toContain(
      `failed   Temporal   no Temporal server listens at 127.0.0.1:${terminal.port}\n                    Start it with \`kgents up\`; \`kgents exec\` does this automatically.\n`,
    );
    expect(stdout).toContain("failed   Worker     unknown without Temporal\n");
    expect(stdout).toContain("Runs cannot be carried out yet: see the failed checks.\n");
    expect(existsSync(terminal.state)).toBe(false);
  });

  test("a server that is configured and away", async () => {
    const environment = { TEMPORAL_ADDRESS: `127.0.0.1:${await freePort()}` };
    const examination = await examined({ environment });
    expect(examination).toMatchObject({ code: 1, usable: false });
    expect(check(examination, "Temporal")).toMatchObject({
      status: "failed",
      remedy: expect.stringContaining("TEMPORAL_ADDRESS"),
    });
  });

  test("a configuration that is wrong", async () => {
    const path = await terminal.file("wrong.yaml", "worker: { backends: [docker] }\n");
    const examination = await examined({ environment: { KGENTS_CONFIG: path } });
    expect(examination).toMatchObject({ code: 1, usable: false });
    expect(check(examination, "Settings")).toMatchObject({
      status: "failed",
      found: expect.stringContaining(`${path}: worker.backends.0: `),
    });
  });
});

describe("with the stack", () => {
  beforeAll(async () => {
    await terminal.run(["up", "--quiet"]);
  });

  test("all is there: exit 0", async () => {
    const examination = await examined();
    expect(examination).toMatchObject({ code: 0, usable: true });
    const { checks } = examination;
    expect(checks.filter(({ status }) => status === "failed")).toEqual([]);
    for (const name of ["Node", "Temporal", "Worker", "Search", "Sandbox", "Languages", "State", "Cache"]) {
      expect(check(examination, name)?.found).not.toBe("");
    }
    expect(check(examination, "Languages")).toEqual({
      name: "Languages",
      status: "ok",
      remedy: null,
      found: "python, sh, bash, javascript, typescript",
    });
    const { stdout } = await terminal.run(["doctor"]);
    expect(stdout).toContain("Runs can be carried out.\n");
    expect(stdout).not.toContain("\u001b");
  });

  test("a language without its interpreter is a warning, unless it is the default", async () => {
    const language = "ruby: { fileName: main.rb, command: [no-such-ruby], image: 'ruby:3.4-slim' }";
    const path = await terminal.file("ruby.yaml", `languages: { ${language} }\n`);
    const warned = await examined({ environment: { KGENTS_CONFIG: path } });
    expect(warned).toMatchObject({ code: 0, usable: true });
    expect(warned.checks).toContainEqual({
      name: "Languages",
      status: "warning",
      found: "ruby: there is no no-such-ruby on the worker's PATH",
      remedy: "Install no-such-ruby and put it on PATH, or run ruby on a cluster.",
    });
    const usual = await terminal.file("usual.yaml", `languages: { ${language} }\ndefaults: { language: ruby }\n`);
    expect(await examined({ environment: { KGENTS_CONFIG: usual } })).toMatchObject({ code: 1, usable: false });
  });

  test("a queue that nobody serves", async () => {
    const path = await terminal.file("queue.yaml", "worker: { taskQueue: nobody }\n");
    expect(check(await examined({ environment: { KGENTS_CONFIG: path } }), "Worker")).toMatchObject({
      status: "failed",
      found: "no worker serves the task queue nobody",
    });
  });

  test("a cluster that is away is a warning while the sandbox serves, and else a failure", async () => {
    const kubeconfig = await terminal.file(
      "kubeconfig",
      JSON.stringify({
        apiVersion: "v1",
        kind: "Config",
        "current-context": "away",
        clusters: [{ name: "away", cluster: { server: `https://127.0.0.1:${await freePort()}` } }],
        users: [{ name: "away", user: {} }],
        contexts: [{ name: "away", context: { cluster: "away", user: "away" } }],
      }),
    );
    const both = await examined({ environment: { KUBECONFIG: kubeconfig } });
    expect(check(both, "Cluster")).toMatchObject({
      status: "warning",
      found: expect.stringContaining("does not answer"),
    });
    const path = await terminal.file("only.yaml", "worker: { backends: [kubernetes] }\n");
    const only = await examined({ environment: { KUBECONFIG: kubeconfig, KGENTS_CONFIG: path } });
    expect(check(only, "Cluster")).toMatchObject({ status: "failed" });
    expect(check(only, "Sandbox")).toBeUndefined();
  });

  test("a state directory that cannot be used", async () => {
    const environment = { XDG_STATE_HOME: await terminal.file("a-file", "") };
    expect(check(await examined({ environment }), "State")).toMatchObject({
      status: "failed",
      remedy: expect.stringContaining("XDG_STATE_HOME"),
    });
  });
});
