/** The command line by a Node that the Kubernetes client does not load in: the machine's own, where that is one. */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { type CommandLine, createCommandLine } from "../support/command-line.ts";
import { kgentsEntry } from "../support/worker-process.ts";

const kubeconfig = `
apiVersion: v1
kind: Config
clusters: [{ name: none, cluster: { server: "https://127.0.0.1:1" } }]
users: [{ name: nobody, user: { token: none } }]
contexts: [{ name: none, context: { cluster: none, user: nobody } }]
current-context: none
`;

const hasNoZstd = (node: string): boolean =>
  execFileSync(node, ["-p", "'createZstdDecompress' in zlib"], { encoding: "utf8" }).trim() === "false";
const older = (process.env.PATH ?? "")
  .split(delimiter)
  .map((directory) => join(directory, "node"))
  .find((node) => existsSync(node) && hasNoZstd(node));

describe.skipIf(older === undefined)(`by ${older}`, () => {
  let terminal: CommandLine;
  let environment: NodeJS.ProcessEnv;
  beforeAll(async () => {
    terminal = await createCommandLine({ environment: { KGENTS_TEMPORAL_CLI: inject("temporalBinary") } });
    environment = { KUBECONFIG: await terminal.file("kubeconfig", kubeconfig) };
  });
  afterAll(() => terminal[Symbol.asyncDispose]());

  const kgents = (args: readonly string[], options = { environment }) =>
    terminal.program(older ?? "", [kgentsEntry, ...args], options);
  const why =
    /the Kubernetes client cannot be loaded by Node [\d.]+: its HTTP client needs zstd, which this one has not/;
  const remedy = "Use Node 22.19 or newer for clusters.";

  test("a run takes the sandbox, and says why", async () => {
    const { code, stdout, stderr } = await kgents(["exec", "--code", "print('hello')"]);
    expect({ code, stdout }, stderr).toEqual({ code: 0, stdout: "hello\n" });
    expect(stderr).toMatch(why);
  });

  test("a cluster that is asked for is unavailable", async () => {
    const args = ["exec", "--backend", "kubernetes", "--no-fallback", "--code", "print('never')"];
    const { code, stdout, stderr } = await kgents(args);
    expect({ code, stdout }).toEqual({ code: 125, stdout: "" });
    expect(stderr).toMatch(why);
    expect(stderr).toContain(remedy);
  });

  test.each(["status", "doctor"])("%s says so and goes on", async (command) => {
    const { stdout, stderr } = await kgents([command]);
    expect(stdout, stderr).toMatch(why);
    expect(stdout).toContain(remedy);
    expect(stdout).toContain("sandbox by bubblewrap");
  });

  test("infra says so and ends", async () => {
    const { code, stderr } = await kgents(["infra", "status"]);
    expect(code).not.toBe(0);
    expect(stderr).toMatch(why);
    expect(stderr).toContain(remedy);
  });
});
