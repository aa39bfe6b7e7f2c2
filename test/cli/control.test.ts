/**
 * `attach`, `wait`, `cancel`, `rerun`: the run outlives commands that only watch it, and their errors without a worker
 * or a terminal. Tests on every backend: test/doors/.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { type CommandLine, createCommandLine, type RunOptions, shellLine } from "../support/command-line.ts";
import { leftoversOf } from "../support/leftovers.ts";
import { processesRunning } from "../support/processes.ts";

let terminal: CommandLine;
beforeAll(async () => {
  terminal = await createCommandLine({ environment: { KGENTS_TEMPORAL_CLI: inject("temporalBinary") } });
  await terminal.run(["up", "--quiet"]);
});
afterAll(() => terminal[Symbol.asyncDispose]());

const kgents = (...args: string[]) => terminal.run(args);

/** Starts code that keeps running, and waits until it runs. */
async function running(id: string, code: string, ...flags: string[]): Promise<void> {
  await kgents(
    "exec",
    "--detach",
    "--id",
    id,
    "--timeout",
    "700",
    "--lang",
    "sh",
    ...flags,
    "--code",
    `echo begun; ${code}`,
  );
  const command = terminal.start(["logs", id, "-f"]);
  await command.says("stdout", "begun\n");
  command.child.kill("SIGINT");
  await command.ended;
}

const ended = (id: string, ...args: string[]) =>
  kgents("exec", "--quiet", "--id", id, "--lang", "sh", "--code", ...args);

/** Nothing of a run is left. What the worker prepares for the next run does not count. */
async function expectNothingLeft(commandLine: string): Promise<void> {
  expect(await processesRunning(commandLine)).toEqual([]);
  expect(await leftoversOf(terminal.state)).toEqual({ cells: [], cgroups: [], mounts: [] });
}

const statusOf = async (id: string): Promise<string> => JSON.parse((await kgents("show", id, "--json")).stdout).status;

describe("attach", () => {
  test.each(["SIGINT", "SIGTERM", "SIGHUP"] as const)("%s leaves, and the run goes on", async (signal) => {
    const id = `left-${signal}`;
    await running(id, "sleep 641.5");
    const command = terminal.start(["attach", id]);
    await command.says("stdout", "begun\n");
    command.child.kill(signal);
    expect(await command.ended).toMatchObject({
      code: 130,
      stderr: `kgents: detached; the run ${id} continues (\`kgents cancel ${id}\` ends it)\n`,
    });
    expect(await statusOf(id)).toBe("running");
    await kgents("cancel", id);
  });
});

describe("wait", () => {
  test.each(["SIGINT", "SIGHUP"] as const)("%s leaves, and the run goes on", async (signal) => {
    const [zero, patient] = [`zero-${signal}`, `patient-${signal}`];
    await ended(zero, "true");
    await running(patient, "sleep 642.5");
    const command = terminal.start(["wait", patient, zero]);
    await command.says("stderr", `${zero}: succeeded`);
    command.child.kill(signal);
    const { code, stderr } = await command.ended;
    expect({ code, stderr }).toMatchObject({
      code: 130,
      stderr: expect.stringContaining("detached; the runs continue\n"),
    });
    expect(await statusOf(patient)).toBe("running");
    await kgents("cancel", patient);
  });
});

describe("cancel", () => {
  test("--all asks on a terminal, and is refused without one unless --yes is said", async () => {
    await running("all-one", "sleep 646.5");
    expect(await kgents("cancel", "--all")).toMatchObject({
      code: 2,
      stdout: "",
      stderr: expect.stringContaining(
        "kgents: --yes: it is required, because there is no terminal to ask for confirmation; nothing was cancelled\n",
      ),
    });
    const answer = async (word: string): Promise<string> => {
      const line = shellLine("kgents cancel --all; echo =$?")[1]?.replaceAll("'", `'\\''`);
      const { stdout } = await terminal.program("script", ["-qec", `bash -c '${line}'`, "/dev/null"], {
        input: `${word}\n`,
      });
      return stdout;
    };
    const declined = await answer("n");
    expect(declined).toContain("kgents: cancel the run all-one? [y/N] ");
    expect(declined).toContain("nothing was cancelled");
    expect(declined).toContain("=1");
    expect(await statusOf("all-one")).toBe("running");
    await running("all-two", "sleep 647.5");
    const agreed = await answer("y");
    expect(agreed).toContain("cancel all 2 runs? [y/N] ");
    expect(agreed).toContain("all-one is cancelled");
    expect(agreed).toContain("=0");
    await expectNothingLeft("sleep 647.5");
    expect(await kgents("cancel", "--all", "--yes")).toMatchObject({
      code: 0,
      stderr: "kgents: no run is running: nothing to cancel\n",
    });
  });
});

describe("rerun", () => {
  const rerun = (args: string[], options?: RunOptions) => terminal.run(["rerun", ...args], options);

  test("--lang, --stdin, --detach", async () => {
    await ended("reads", "cat; echo end");
    const stdin = await terminal.file("stdin.txt", "given\n");
    expect(await rerun(["reads", "--quiet", "--lang", "bash", "--stdin", stdin])).toMatchObject({
      stdout: "given\nend\n",
    });
    // The name of the flag in `ps`.
    expect(await rerun(["reads", "--language", "pyton"])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('language: "pyton" is not supported'),
    });
    const { stdout: id } = await rerun(["reads", "--detach"]);
    expect(id).toMatch(/^exec-/);
    expect(await kgents("attach", id.trim())).toMatchObject({ code: 0, stdout: "end\n" });
  });

  test("Ctrl-C cancels it, as it does with exec", async () => {
    await running("to-rerun", "sleep 648.5");
    await kgents("cancel", "to-rerun");
    const command = terminal.start(["rerun", "to-rerun"]);
    await command.says("stdout", "begun\n");
    command.child.kill("SIGINT");
    expect(await command.ended).toMatchObject({ code: 130 });
    await expectNothingLeft("sleep 648.5");
  });

  test("a wrong change is refused, and so is what could never run", async () => {
    await ended("first", "exit 6");
    expect(await rerun(["first", "--timeout", "soon"])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('kgents: timeout: got "soon"; allowed is a duration'),
    });
    expect((await rerun(["first", "--id", "first", "--timeout", "21"])).stderr).toContain(
      "kgents: id: first belongs to a run of another request\n",
    );
  });
});

test("without a worker: a cancellation is asked for and not claimed; who waits is told what for", async () => {
  await running("orphan", "sleep 649.5");
  const { pid } = JSON.parse(await readFile(join(terminal.state, "worker.json"), "utf8"));
  process.kill(pid, "SIGKILL");
  await expect.poll(() => processesRunning("sleep 649.5")).toEqual([]);
  const waiting = terminal.start(["wait", "orphan"]);
  await waiting.says(
    "stderr",
    "kgents: no worker serves the task queue, so runs wait; start one with `kgents up` or `kgents worker`\n",
  );
  expect(await kgents("cancel", "orphan")).toMatchObject({
    code: 125,
    stdout: "",
    stderr: expect.stringContaining(
      "kgents: the runs are asked to end, but no worker is there to clean up after them\n",
    ),
  });
  await kgents("up", "--quiet");
  // What the code did is unknown after its worker was killed or it was cancelled. It has ended either way.
  expect([125, 130]).toContain((await waiting.ended).code);
}, 90_000);
