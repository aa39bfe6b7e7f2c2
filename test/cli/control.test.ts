/** `attach`, `wait`, `cancel`, `rerun`: how they end, what they leave, and that the run outlives those who only watch. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { type CommandLine, createCommandLine, type RunOptions, shellLine } from "../support/command-line.ts";
import { leftoversOf } from "../support/leftovers.ts";
import { processesRunning } from "../support/processes.ts";

const fallback = "kgents: ran in the local sandbox, because this worker serves no cluster\n";

let terminal: CommandLine;
beforeAll(async () => {
  terminal = await createCommandLine({ environment: { KGENTS_TEMPORAL_CLI: inject("temporalBinary") } });
  await terminal.run(["up", "--quiet"]);
});
afterAll(() => terminal[Symbol.asyncDispose]());

const kgents = (...args: string[]) => terminal.run(args);

/** Starts code that goes on, and waits until it runs. */
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

/** Nothing of a run is left at this very moment. (What the worker holds ready for the next one is no run's.) */
async function expectNothingLeft(commandLine: string): Promise<void> {
  expect(await processesRunning(commandLine)).toEqual([]);
  expect(await leftoversOf(terminal.state)).toEqual({ cells: [], cgroups: [], mounts: [] });
}

const statusOf = async (id: string): Promise<string> => JSON.parse((await kgents("show", id, "--json")).stdout).status;

describe("attach", () => {
  test("follows both streams from their beginning and exits with the code's own code", async () => {
    await running("attached", "echo oops >&2; sleep 3; echo ended; exit 7");
    expect(await kgents("attach", "attached")).toMatchObject({
      ...{ code: 7, stdout: "begun\nended\n", stderr: `oops\n${fallback}` },
    });
  });

  test("--json prints the result and nothing else", async () => {
    await ended("attached-json", "echo x; exit 3");
    const { code, stdout } = await kgents("attach", "attached-json", "--json");
    expect(code).toBe(3);
    expect(JSON.parse(stdout)).toMatchObject({ id: "attached-json", status: "failed", stdout: { text: "x\n" } });
  });

  test.each(["SIGINT", "SIGTERM"] as const)("%s leaves, and the run goes on", async (signal) => {
    const id = `left-${signal}`;
    await running(id, "sleep 641.5");
    const command = terminal.start(["attach", id]);
    await command.says("stdout", "begun\n");
    command.child.kill(signal);
    expect(await command.ended).toMatchObject({
      code: 130,
      stderr: `kgents: left; the run ${id} goes on (\`kgents cancel ${id}\` ends it)\n`,
    });
    expect(await statusOf(id)).toBe("running");
    await kgents("cancel", id);
  });

  test("a run that could not be carried out", async () => {
    await kgents("exec", "--id", "impossible", "--backend", "kubernetes", "--code", "x");
    const { code, stderr } = await kgents("attach", "impossible");
    expect(code).toBe(125);
    expect(stderr).toContain("kgents: this worker does not serve the backend kubernetes\n        Choose another");
  });
});

describe("wait", () => {
  test("exits as exec would, and says what became of the run", async () => {
    await running("awaited", "sleep 1; exit 9");
    expect(await kgents("wait", "awaited")).toMatchObject({
      ...{ code: 9, stdout: "", stderr: "kgents: awaited: failed: the code exited with 9\n" },
    });
    await kgents("exec", "--quiet", "--id", "late", "--timeout", "1", "--lang", "sh", "--code", "sleep 60");
    expect(await kgents("wait", "late")).toMatchObject({ code: 124 });
  });

  test("several: the first that is not 0, in the order of the ids; also what could not be carried out", async () => {
    await ended("zero", "true");
    await ended("four", "exit 4");
    await running("five", "sleep 1; exit 5");
    expect(await kgents("wait", "zero", "zero")).toMatchObject({ code: 0 });
    expect(await kgents("wait", "zero", "five", "four")).toMatchObject({ code: 5 });
    expect(await kgents("wait", "zero", "impossible", "five")).toMatchObject({ code: 125 });
  });

  test("--json prints each result as it comes", async () => {
    const { code, stdout } = await kgents("wait", "four", "zero", "impossible", "--json");
    expect(code).toBe(4);
    const lines = stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(lines).toHaveLength(3);
    expect(lines).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ id: "four", exitCode: 4 }),
        expect.objectContaining({ id: "zero", status: "succeeded" }),
        expect.objectContaining({ id: "impossible", error: expect.objectContaining({ kind: "backend-unavailable" }) }),
      ]),
    );
  });

  test("Ctrl-C leaves, and the run goes on", async () => {
    await running("patient", "sleep 642.5");
    const command = terminal.start(["wait", "patient", "zero"]);
    await command.says("stderr", "zero: succeeded");
    command.child.kill("SIGINT");
    const { code, stderr } = await command.ended;
    expect({ code, stderr }).toMatchObject({ code: 130, stderr: expect.stringContaining("left; the runs go on\n") });
    expect(await statusOf("patient")).toBe("running");
    await kgents("cancel", "patient");
  });
});

describe("cancel", () => {
  test("waits until nothing is left", async () => {
    await running("doomed", "sleep 643.5");
    const cancelled = await kgents("cancel", "doomed");
    await expectNothingLeft("sleep 643.5");
    expect(cancelled).toMatchObject({ code: 0, stdout: "", stderr: "kgents: doomed is cancelled\n" });
    expect(await kgents("cancel", "doomed")).toMatchObject({
      ...{ code: 0, stderr: "kgents: doomed was over already: cancelled\n" },
    });
    expect(await kgents("wait", "doomed")).toMatchObject({ code: 130 });
  });

  test("several, as JSON; one that does not exist is said before any is cancelled", async () => {
    await running("one", "sleep 644.5");
    await running("two", "sleep 645.5");
    expect(await kgents("cancel", "one", "two", "no-such-run-at-all")).toMatchObject({ code: 2 });
    expect(await statusOf("one")).toBe("running");
    const { code, stdout } = await kgents("cancel", "one", "two", "doomed", "--json");
    expect(code).toBe(0);
    const lines = stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(lines.sort((left, right) => left.id.localeCompare(right.id))).toEqual([
      { id: "doomed", status: "cancelled", was: "over" },
      { id: "one", status: "cancelled", was: "running" },
      { id: "two", status: "cancelled", was: "running" },
    ]);
    await expectNothingLeft("sleep 645.5");
  });

  test("--all asks on a terminal, and is refused without one unless --yes is said", async () => {
    await running("all-one", "sleep 646.5");
    expect(await kgents("cancel", "--all")).toMatchObject({
      ...{ code: 2, stdout: "" },
      stderr: expect.stringContaining(
        "kgents: --yes: got nothing, and there is no terminal to ask on; nothing was cancelled\n",
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
      ...{ code: 0, stderr: "kgents: no run is running: nothing to cancel\n" },
    });
  });
});

describe("rerun", () => {
  const rerun = (args: string[], options?: RunOptions) => terminal.run(["rerun", ...args], options);

  test("the same request under a new id, and as it was followed", async () => {
    const flags = ["--arg", "a b", "--env", "NAME=you", "--label", "team=red", "--output", "*.txt"];
    await ended(
      "first",
      "echo $1 $NAME; cat in; echo x >out.txt; exit 6",
      ...flags,
      "--input",
      `${await terminal.file("in", "input\n")}:in`,
    );
    const again = await rerun(["first", "--id", "second", "--output-dir", "again"]);
    expect(again).toMatchObject({ code: 6, stdout: "a b you\ninput\n" });
    expect(again.stderr).toContain("kgents: wrote again/out.txt (2 bytes)\n");
    const [before, after] = await Promise.all(
      ["first", "second"].map(async (id) => JSON.parse((await kgents("show", id, "--json")).stdout)),
    );
    expect(after.request).toEqual(before.request);
    expect(after.labels).toEqual({ team: "red" });
  });

  test("with changes: variables and labels are added, all else is replaced", async () => {
    const flags = ["--arg", "c", "--env", "MORE=1", "--label", "try=2", "--timeout", "20", "--memory", "64Mi"];
    const { stdout } = await rerun(["first", "--id", "third", ...flags, "--json", "--output-dir", "third"]);
    expect(JSON.parse(stdout)).toMatchObject({ id: "third", stdout: { text: "c you\ninput\n" } });
    const { request } = JSON.parse((await kgents("show", "third", "--json")).stdout);
    expect(request).toMatchObject({
      ...{ args: ["c"], env: { NAME: "you", MORE: "1" }, labels: { team: "red", try: "2" } },
      ...{ timeout: "20", memory: "64Mi" },
    });
  });

  test("--lang, --stdin, --detach", async () => {
    await ended("reads", "cat; echo end");
    const stdin = await terminal.file("stdin.txt", "given\n");
    expect(await rerun(["reads", "--quiet", "--lang", "bash", "--stdin", stdin])).toMatchObject({
      stdout: "given\nend\n",
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
    expect(await rerun(["first", "--timeout", "soon"])).toMatchObject({
      ...{ code: 2, stderr: expect.stringContaining('kgents: timeout: got "soon"; allowed is a duration') },
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
  await expect.poll(() => processesRunning("sleep 649.5"), { timeout: 10_000 }).toEqual([]);
  const waiting = terminal.start(["wait", "orphan"]);
  await waiting.says(
    "stderr",
    "kgents: no worker serves the queue: runs wait for one (`kgents up`, or `kgents worker`)\n",
  );
  expect(await kgents("cancel", "orphan")).toMatchObject({
    ...{ code: 125, stdout: "" },
    stderr: expect.stringContaining(
      "kgents: the runs are asked to end, but no worker is there to clean up after them\n",
    ),
  });
  await kgents("up", "--quiet");
  // Nobody can tell what the code did when its worker was killed, or it is cancelled: it has ended either way.
  expect([125, 130]).toContain((await waiting.ended).code);
}, 90_000);
