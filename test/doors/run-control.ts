/** The commands that inspect and control runs. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { type Doors, jsonLines, type Visitor, visitorOf } from "./doors.ts";

export function testRunControl(get: () => Doors): void {
  let doors: Doors;
  let visitor: Visitor;
  const kgents = (...args: string[]) => visitor.kgents(...args);

  beforeAll(async () => {
    doors = get();
    visitor = visitorOf(doors);
    const input = await doors.terminal.file("data/in", "input\n");
    const flags = ["--arg", "a b", "--env", "NAME=you", "--label", "team=red", "--output", "**"];
    await Promise.all([
      visitor.exec("zero", "true"),
      visitor.exec("four", "\n# first line\nprintf 'x\\n'; exit 4"),
      visitor.exec(
        ...(["first", "echo $1 $NAME; cat data/in; echo a >a.txt; mkdir d; echo b >d/b.txt; exit 6"] as const),
        ...[...flags, "--input", `${join(input, "..")}:data`],
      ),
      visitor.exec("impossible", "true", ...doors.impossible.flags),
    ]);
    await visitor.running("live", "sleep 631.5");
  });

  describe("ps, show, open", () => {
    test("ps: what runs, and where", async () => {
      expect(jsonLines((await kgents("ps")).stdout)).toEqual([
        expect.objectContaining({
          id: "live",
          status: "running",
          language: "sh",
          backend: doors.backend,
          closedAt: null,
        }),
      ]);
      const failed = async () => jsonLines((await kgents("ps", "--status", "failed")).stdout).map(({ id }) => id);
      await expect.poll(async () => (await failed()).sort()).toEqual(["first", "four"]);
    });

    test("show: one that is over, with its isolation and its phases", async () => {
      const { code, stdout } = await kgents("show", "four");
      expect(code).toBe(0);
      expect(stdout).toMatch(/^Status +failed, exit code 4: the code exited with 4$/m);
      expect(stdout).toMatch(new RegExp(`^Backend +${doors.backend}$`, "m"));
      expect(stdout).toMatch(new RegExp(`^Isolation +${doors.level}\\b`, "m"));
      expect(stdout).toMatch(/^ {2}running +[\d.]+ m?s +█*/m);
      expect((await kgents("show", "four", "--code")).stdout).toBe("\n# first line\nprintf 'x\\n'; exit 4");
    });

    test("show --json: one that goes on", async () => {
      expect(await visitor.shown("live")).toMatchObject({
        status: "running",
        phase: "executing",
        backend: doors.backend,
        result: null,
        failure: null,
        isolation: { level: doors.level, network: { enforced: true } },
      });
    });

    test("open: where the UI shows it", async () => {
      const { code, stdout } = await kgents("open", "four");
      expect(code).toBe(0);
      expect((await fetch(stdout.trim())).status).toBe(200);
    });
  });

  describe("logs, attach", () => {
    test("logs without -f: what there is; with -f: to the end", async () => {
      expect(await kgents("logs", "live")).toMatchObject({ code: 0, stdout: "begun\n", stderr: "" });
      await visitor.running("attached", "echo oops >&2; sleep 3; echo ended; exit 7");
      const [followed, attached] = await Promise.all([kgents("logs", "attached", "-f"), kgents("attach", "attached")]);
      expect(followed).toMatchObject({ code: 0, stdout: "begun\nended\n", stderr: "oops\n" });
      expect(attached).toMatchObject({ code: 7, stdout: "begun\nended\n", stderr: `oops\n${doors.remark}` });
      expect(await kgents("logs", "attached", "--stderr")).toMatchObject({ stdout: "oops\n" });
    });

    test("attach --json prints the result and nothing else", async () => {
      const { code, stdout } = await kgents("attach", "four", "--json");
      expect(code).toBe(4);
      expect(JSON.parse(stdout)).toMatchObject({
        id: "four",
        status: "failed",
        backend: doors.backend,
        stdout: { text: "x\n" },
      });
    });

    test("Ctrl-C leaves, and the run goes on", async () => {
      const command = doors.terminal.start(["attach", "live"]);
      await command.says("stdout", "begun\n");
      command.child.kill("SIGINT");
      expect(await command.ended).toMatchObject({
        code: 130,
        stderr: "kgents: detached; the run live continues (`kgents cancel live` ends it)\n",
      });
      expect(await visitor.shown("live")).toMatchObject({ status: "running" });
    });
  });

  describe("wait", () => {
    test("exits as exec would, and says what became of the run", async () => {
      expect(await kgents("wait", "four")).toMatchObject({
        code: 4,
        stdout: "",
        stderr: "kgents: four: failed: the code exited with 4\n",
      });
      await visitor.exec("late", "sleep 60", "--timeout", "1");
      expect(await kgents("wait", "late")).toMatchObject({ code: 124 });
    });

    test("several: the first that is not 0, in the order of the ids", async () => {
      await visitor.running("five", "sleep 1; exit 5");
      expect(await kgents("wait", "zero", "five", "four")).toMatchObject({ code: 5 });
      expect(await kgents("wait", "zero", "impossible", "five")).toMatchObject({ code: 125 });
      const { code, stdout } = await kgents("wait", "four", "zero", "impossible", "--json");
      expect(code).toBe(4);
      const { kind } = doors.impossible;
      expect(jsonLines(stdout).sort((one, other) => String(one.id).localeCompare(String(other.id)))).toEqual([
        expect.objectContaining({ id: "four", exitCode: 4 }),
        expect.objectContaining({ id: "impossible", error: expect.objectContaining({ kind }) }),
        expect.objectContaining({ id: "zero", status: "succeeded" }),
      ]);
    });
  });

  describe("rerun, files", () => {
    test("the same request under a new id, input folder and all; with changes", async () => {
      const again = await kgents("rerun", "first", "--id", "second", "--output-dir", "again");
      expect(again).toMatchObject({ code: 6, stdout: "a b you\ninput\n" });
      expect(again.stderr).toContain("kgents: wrote again/d/b.txt (2 bytes)\n");
      const [before, after] = [await visitor.shown("first"), await visitor.shown("second")];
      expect(after.request).toEqual(before.request);
      const flags = ["--arg", "c", "--env", "MORE=1", "--label", "try=2", "--timeout", "20", "--json"];
      const { stdout } = await kgents("rerun", "first", "--id", "third", ...flags, "--output-dir", "third");
      expect(JSON.parse(stdout)).toMatchObject({ id: "third", stdout: { text: "c you\ninput\n" } });
      expect(await visitor.shown("third")).toMatchObject({
        request: { args: ["c"], env: { NAME: "you", MORE: "1" }, labels: { team: "red", try: "2" }, timeout: "20" },
      });
    });

    test("files lists, and gets", async () => {
      const { stdout } = await kgents("files", "first");
      expect(
        jsonLines(stdout)
          .map(({ name }) => name)
          .sort(),
      ).toEqual(["a.txt", "d/b.txt", "data/in"]);
      const got = await kgents("files", "first", "get", "d/b.txt", "--output-dir", "one");
      expect(got).toMatchObject({ code: 0, stdout: "", stderr: "kgents: wrote one/d/b.txt (2 bytes)\n" });
      expect(await readFile(join(doors.terminal.directory, "one/d/b.txt"), "utf8")).toBe("b\n");
    });
  });

  describe("cancel", () => {
    test("several, as JSON; waits until nothing of them is left", async () => {
      await Promise.all([visitor.running("one", "sleep 644.5"), visitor.running("two", "sleep 645.5")]);
      expect(await kgents("cancel", "one", "two", "no-such-run-at-all")).toMatchObject({ code: 2 });
      expect(await visitor.shown("one")).toMatchObject({ status: "running" });
      const { code, stdout } = await kgents("cancel", "one", "two", "zero", "--json");
      await visitor.expectNothingLeft("one", "sleep 644.5");
      await visitor.expectNothingLeft("two", "sleep 645.5");
      expect(code).toBe(0);
      expect(jsonLines(stdout).sort((one, other) => String(one.id).localeCompare(String(other.id)))).toEqual([
        { id: "one", status: "cancelled", was: "running" },
        { id: "two", status: "cancelled", was: "running" },
        { id: "zero", status: "succeeded", was: "over" },
      ]);
      expect(await kgents("wait", "one")).toMatchObject({ code: 130 });
      expect(await kgents("cancel", "one")).toMatchObject({
        code: 0,
        stdout: "",
        stderr: "kgents: one had already ended: cancelled\n",
      });
    });

    test("--all, and what it wrote is kept", async () => {
      expect(await kgents("cancel", "--all", "--yes")).toMatchObject({
        code: 0,
        stderr: "kgents: live is cancelled\n",
      });
      await visitor.expectNothingLeft("live", "sleep 631.5");
      expect(await kgents("logs", "live")).toMatchObject({ code: 0, stdout: "begun\n" });
    });
  });

  test("a run that could not be carried out: every command says why", async () => {
    const { kind, remedy } = doors.impossible;
    const attached = await kgents("attach", "impossible");
    expect(attached).toMatchObject({ code: 125, stdout: "" });
    expect(attached.stderr).toMatch(new RegExp(`^kgents: .*\\n {8}${remedy}`));
    expect(await kgents("wait", "impossible")).toMatchObject({ code: 125 });
    expect((await kgents("show", "impossible")).stdout).toMatch(new RegExp(`^Failure +${kind}: `, "m"));
    expect(await kgents("files", "impossible")).toMatchObject({ code: 125, stdout: "" });
    expect(await kgents("logs", "impossible")).toMatchObject({ code: 0, stdout: "" });
  });
}
