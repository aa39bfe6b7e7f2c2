/** `ps`, `show`, `logs`, `files` and `open`: their output, and their errors. */
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { userInfo } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { type CommandLine, createCommandLine, shellLine } from "../support/command-line.ts";

let terminal: CommandLine;
beforeAll(async () => {
  terminal = await createCommandLine({ environment: { KGENTS_TEMPORAL_CLI: inject("temporalBinary") } });
});
afterAll(() => terminal[Symbol.asyncDispose]());

const kgents = (...args: string[]) => terminal.run(args);
const exec = (id: string, ...args: string[]) => kgents("exec", "--quiet", "--id", id, ...args);

/** Runs a command on a terminal of the given width, and returns the terminal's output. */
async function onTerminal(line: string, columns = 120): Promise<string> {
  // Node disables colours on the terminal of a CI job.
  const program = `unset CI; export TERM=xterm; stty cols ${columns}; ${shellLine(line)[1]}`;
  const { stdout } = await terminal.program("script", [
    "-qec",
    `bash -c '${program.replaceAll("'", `'\\''`)}'`,
    "/dev/null",
  ]);
  return stdout.replaceAll("\r\n", "\n");
}

const jsonLines = (text: string): Record<string, unknown>[] =>
  text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line));

const down = (): string =>
  `kgents: no Temporal server listens at 127.0.0.1:${terminal.port}\n        Start the local stack with \`kgents up\`, or check TEMPORAL_ADDRESS and the profile.\n`;

describe("while the stack is down", () => {
  test.each([
    ["ps"],
    ["show", "x"],
    ["logs", "x"],
    ["files", "x"],
    ["open"],
    ["attach", "x"],
    ["wait", "x"],
    ["cancel", "x"],
  ])("%s %s says how to start it, and starts nothing", async (...args) => {
    const began = performance.now();
    expect(await kgents(...args)).toMatchObject({ code: 125, stdout: "", stderr: down() });
    expect(performance.now() - began).toBeLessThan(4000);
  });
});

describe("runs", () => {
  const bytes = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
  beforeAll(async () => {
    await kgents("up", "--quiet");
    const write = "import sys; sys.stdout.buffer.write(bytes(range(256)) * 4096); print('oops', file=sys.stderr)";
    await exec("bytes", "--label", "team=red", "--cpu", "1", "--code", write);
    await exec("seven", "--lang", "sh", "--code", "\n# first line\nexit 7");
    await exec("refused", "--backend", "kubernetes", "--code", "x");
    await exec("filed", "--lang", "sh", "--code", "echo a >a.txt; mkdir d; echo b >d/b.txt", "--output", "**");
    await exec("escape", "--lang", "sh", "--code", "printf '\u001b[31mred\u0007'");
    const live = "echo begun; sleep 631.5";
    await exec("live", "--detach", "--timeout", "700", "--lang", "sh", "--code", live);
    const followed = terminal.start(["logs", "live", "-f"]);
    await followed.says("stdout", "begun\n");
    followed.child.kill("SIGINT");
    await followed.ended;
  });
  afterAll(async () => {
    await kgents("cancel", "--all", "--yes");
  });

  describe("ps", () => {
    test("one JSON object a line where nobody reads a table; those that run by default", async () => {
      const { code, stdout, stderr } = await kgents("ps");
      expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
      expect(jsonLines(stdout)).toEqual([
        expect.objectContaining({
          id: "live",
          status: "running",
          language: "sh",
          backend: "subprocess",
          closedAt: null,
        }),
      ]);
    });

    test.each([
      [["--all"], ["bytes", "escape", "filed", "live", "refused", "seven"]],
      [["--status", "failed"], ["seven"]],
      [
        ["--status", "error", "--status", "running"],
        ["live", "refused"],
      ],
      [
        ["--all", "--lang", "shell", "--since", "1h"],
        ["escape", "filed", "live", "seven"],
      ],
      [
        ["--all", "--language", "py"],
        ["bytes", "refused"],
      ],
      [["--all", "--label", "team=red"], ["bytes"]],
      [
        ["--all", "--since", "1h", "--language", "SHELL"],
        ["escape", "filed", "live", "seven"],
      ],
      [["--all", "--since", "2100-01-01"], []],
    ])("%j", async (args, ids) => {
      const found = async () => jsonLines((await kgents("ps", ...args)).stdout).map(({ id }) => id);
      await expect.poll(async () => (await found()).sort()).toEqual(ids);
    });

    test("--limit, and that there is more", async () => {
      const { stdout, stderr } = await kgents("ps", "--all", "--limit", "2");
      expect(jsonLines(stdout)).toHaveLength(2);
      expect(stderr).toBe("kgents: there are more than 2 runs: raise --limit to list more\n");
    });

    test("a table on a terminal, in colour; nothing of the code's reaches the terminal", async () => {
      const text = await onTerminal("kgents ps --all");
      expect(text).toContain("ID       STATUS     LANGUAGE  BACKEND     STARTED");
      expect(text).toContain("\u001b[32msucceeded");
      expect(text).toContain("# first line");
      expect(text).not.toContain("\u0007");
      expect(text).not.toContain("\u001b[31mred");
      expect(await onTerminal("NO_COLOR=1 kgents ps --all")).not.toContain("\u001b[");
    });

    test("a narrow terminal: shorter code, then fewer columns, and never a broken line", async () => {
      for (const columns of [70, 40, 24]) {
        const lines = (await onTerminal("NO_COLOR=1 kgents ps --all", columns)).trimEnd().split("\n");
        expect(lines).toHaveLength(7);
        expect(Math.max(...lines.map(({ length }) => length))).toBeLessThanOrEqual(columns);
        expect(lines[0]).toMatch(/^ID +STATUS/);
      }
    });

    test("nothing to list: nothing on stdout, and a word on a terminal", async () => {
      expect(await kgents("ps", "--status", "lost")).toMatchObject({ code: 0, stdout: "", stderr: "" });
      expect(await onTerminal("kgents ps --status lost")).toBe("kgents: no such runs\n");
    });
  });

  describe("show", () => {
    test("a run that is over", async () => {
      const { code, stdout, stderr } = await kgents("show", "seven");
      expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
      expect(stdout).toMatch(/^Status +failed, exit code 7: the code exited with 7$/m);
      expect(stdout).toMatch(/^Code +# first line$/m);
      expect(stdout).toContain(`\nRequester  cli:${userInfo().username}\n`);
      expect(stdout).toMatch(/^Limits +30 s, cpu 1, memory 512Mi, disk 100Mi, network off$/m);
      expect(stdout).toMatch(/^Backend +subprocess\nIsolation/m);
      expect(stdout).toMatch(/^ {2}network +own network namespace/m);
      expect(stdout).toMatch(/^ {2}preparing +[\d.]+ m?s +█+$/m);
      expect(stdout).toMatch(
        /^UI +http:\/\/127\.0\.0\.1:\d+\/namespaces\/default\/workflows\/seven\/[0-9a-f-]+\/user-metadata$/m,
      );
    });

    test("one that goes on, and one that could not be carried out", async () => {
      const { stdout: live } = await kgents("show", "live");
      expect(live).toMatch(/^Status +running, executing$/m);
      expect(live).toMatch(/^ {2}running +.* so far +█+…$/m);
      const { code, stdout } = await kgents("show", "refused");
      expect(code).toBe(0);
      expect(stdout).toMatch(
        /^Failure +backend-unavailable: this worker does not serve the backend kubernetes\n +Choose/m,
      );
    });

    test("--json has all of it", async () => {
      const { stdout } = await kgents("show", "bytes", "--json");
      expect(JSON.parse(stdout)).toMatchObject({
        id: "bytes",
        status: "succeeded",
        phase: null,
        labels: { team: "red" },
        failure: null,
        request: { labels: { team: "red" }, cpu: "1" },
        result: { status: "succeeded", stdout: { bytes: 2 ** 20 } },
        timings: { queued: expect.any(String), closed: expect.any(String) },
        ui: expect.stringContaining("/workflows/bytes/"),
      });
    });

    test("--code prints the code again, and nothing else; also code that went by the store", async () => {
      expect(await kgents("show", "seven", "--code")).toMatchObject({
        code: 0,
        stdout: "\n# first line\nexit 7",
        stderr: "",
      });
      const large = `# ${"x".repeat(200_000)}\npass`;
      await exec("large", "--cpu", "1", "--file", await terminal.file("large.py", large));
      expect((await kgents("show", "large", "--code")).stdout).toBe(large);
    });

    test("on a narrow terminal without bars", async () => {
      expect(await onTerminal("kgents show seven", 28)).not.toContain("█");
    });
  });

  describe("logs", () => {
    test("each stream to its own, byte for byte", async () => {
      const { code, bytes: stdout, stderr } = await kgents("logs", "bytes");
      expect({ code, stderr }).toEqual({ code: 0, stderr: "oops\n" });
      const whole = createHash("sha256").update(Buffer.concat(Array.from({ length: 4096 }, () => bytes)));
      expect(createHash("sha256").update(stdout).digest("hex")).toBe(whole.digest("hex"));
    });

    test("--stderr to stdout", async () => {
      expect(await kgents("logs", "bytes", "--stderr")).toMatchObject({ stdout: "oops\n", stderr: "" });
    });

    test("of a run without a result", async () => {
      expect(await kgents("logs", "refused")).toMatchObject({
        code: 0,
        stdout: "",
        stderr: "kgents: the run has no result: see `kgents show refused`\n",
      });
    });

    test("without -f it does not wait for more", async () => {
      expect(await kgents("logs", "live")).toMatchObject({ code: 0, stdout: "begun\n", stderr: "" });
    });

    test("-f follows to the end; Ctrl-C leaves, and the run goes on", async () => {
      await exec("followed", "--detach", "--lang", "sh", "--code", "echo begun; sleep 1; echo ended");
      const whole = terminal.start(["logs", "followed", "-f"]);
      expect(await whole.ended).toMatchObject({ code: 0, stdout: "begun\nended\n", stderr: "" });
      const id = "left";
      await exec(id, "--detach", "--lang", "sh", "--timeout", "10m", "--code", "echo begun; sleep 600");
      const left = terminal.start(["logs", id, "--follow"]);
      await left.says("stdout", "begun\n");
      left.child.kill("SIGINT");
      expect(await left.ended).toMatchObject({ code: 130, stderr: `kgents: detached; the run ${id} continues\n` });
      expect(jsonLines((await kgents("ps")).stdout)).toContainEqual(expect.objectContaining({ id }));
      expect((await kgents("cancel", id)).code).toBe(0);
    });

    test("a reader that goes away ends the command, not the run", async () => {
      const line = `kgents logs bytes 2>/dev/null | head -c 1 | wc -c; echo "\${PIPESTATUS[0]}"`;
      expect((await terminal.program("bash", shellLine(line))).stdout).toBe("1\n141\n");
      expect(jsonLines((await kgents("ps")).stdout)).toEqual([expect.objectContaining({ id: "live" })]);
    });
  });

  describe("files", () => {
    test("lists, as lines of JSON or as a table", async () => {
      const { code, stdout } = await kgents("files", "filed");
      expect(code).toBe(0);
      expect(jsonLines(stdout).map(({ name, bytes }) => [name, bytes])).toEqual(
        expect.arrayContaining([
          ["a.txt", 2],
          ["d/b.txt", 2],
        ]),
      );
      expect(await onTerminal("kgents files filed")).toMatch(/^BYTES +SHA-256 +NAME\n/);
      expect(await kgents("files", "seven")).toMatchObject({ code: 0, stdout: "", stderr: "" });
    });

    test("get: one, or all, into a directory", async () => {
      const one = await kgents("files", "filed", "get", "d/b.txt", "--output-dir", "one");
      expect(one).toMatchObject({ code: 0, stdout: "", stderr: "kgents: wrote one/d/b.txt (2 bytes)\n" });
      expect(await readFile(join(terminal.directory, "one/d/b.txt"), "utf8")).toBe("b\n");
      const none = { code: 0, stdout: "", stderr: "kgents: the run returned no files\n" };
      expect(await kgents("files", "seven", "get")).toMatchObject(none);
      expect((await kgents("files", "filed", "get", "--json")).stdout.split("\n")).toHaveLength(3);
      expect(await readFile(join(terminal.directory, "kgents-output/a.txt"), "utf8")).toBe("a\n");
    });

    test.each([
      [["filed", "get", "a.tx"], 2, 'the run filed returned no file "a.tx" (did you mean a.txt?)'],
      [["filed", "a.txt"], 2, 'argument: got "a.txt"; allowed is only get'],
      [["live"], 2, "the run live is still running: its files are available when it ends"],
      [["refused"], 125, "this worker does not serve the backend kubernetes"],
    ])("%j is refused", async (args, code, message) => {
      const ended = await kgents("files", ...args);
      expect({ code: ended.code, stdout: ended.stdout }).toEqual({ code, stdout: "" });
      expect(ended.stderr).toContain(`kgents: ${message}\n        `);
    });
  });

  describe("open", () => {
    test("prints where the UI is, which answers there", async () => {
      const { code, stdout } = await kgents("open", "seven");
      expect(code).toBe(0);
      expect(stdout).toMatch(
        /^http:\/\/127\.0\.0\.1:\d+\/namespaces\/default\/workflows\/seven\/[0-9a-f-]+\/user-metadata\n$/,
      );
      expect((await fetch(stdout.trim())).status).toBe(200);
      expect((await kgents("open")).stdout).toMatch(/\/workflows\?query=/);
      const { stdout: json } = await kgents("open", "seven", "--json");
      expect(JSON.parse(json)).toEqual({ url: stdout.trim() });
    });

    test("a UI of one's own; where there is a display it is opened, unless not wanted", async () => {
      const opener = await terminal.file("bin/xdg-open", `#!/bin/sh\nprintf %s "$1" >${terminal.directory}/opened\n`);
      await terminal.program("chmod", ["+x", opener]);
      const environment = {
        KGENTS_UI_URL: "https://temporal.example.com/",
        DISPLAY: ":0",
        // A PATH without the system's opener.
        PATH: join(terminal.directory, "bin"),
      };
      const opened = () => readFile(join(terminal.directory, "opened"), "utf8").catch(() => "");
      const { stdout } = await terminal.run(["open", "seven", "--no-browser"], { environment });
      expect(stdout).toMatch(/^https:\/\/temporal\.example\.com\/namespaces\/default\/workflows\/seven\//);
      expect(await opened()).toBe("");
      // An opener in the user's working directory is not trusted and not started.
      const { stderr } = await terminal.run(["open", "seven"], { environment });
      expect(stderr).toContain(`no browser was opened: ${opener} is not used: it lies in the working directory`);
      expect(await opened()).toBe("");
      await terminal.run(["open", "seven"], { environment, directory: "/" });
      await expect.poll(opened).toBe(stdout.trim());
    });
  });

  test.each(["show", "logs", "files", "open", "attach", "wait", "cancel", "rerun"])(
    "%s of a run that does not exist suggests one, also as JSON",
    async (command) => {
      const { code, stdout, stderr } = await kgents(command, "sevne");
      expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
      expect(stderr).toBe(
        "kgents: there is no run sevne (did you mean seven?)\n        Pass the whole id; `kgents ps --all`, or `list_executions` by MCP, lists the runs that are kept.\n",
      );
      if (command === "logs") return;
      const json = JSON.parse((await kgents(command, "sevne", "--json")).stdout);
      expect(json).toMatchObject({ error: { kind: "not-found" } });
    },
  );
});

describe("wrong usage", () => {
  test.each([
    [
      ["ps", "--status", "done"],
      "option '--status <status>' argument 'done' is invalid. Allowed choices are running, ",
    ],
    [["ps", "--since", "yesterday"], "Allowed is a duration, such as 90s, 5m, 1h or 7d, or a date"],
    [["ps", "--limit", "0"], "Allowed is a whole number from 1 to 999999."],
    [["ps", "--label", "team"], '--label: got "team"; allowed is name=value'],
    [["show"], "missing required argument 'id'"],
    [["ps", "--label", "team"], "Write it as --label name=value."],
    [["logs", "a", "b"], "too many arguments for 'logs'"],
    [["logs", "a", "b"], "Put arguments with spaces in quotes. See `kgents logs --help`."],
    [["cancel"], "id: got none; allowed are ids of runs, or --all"],
    [["cancel", "x", "--all"], "--all: got ids as well; allowed is one of them"],
    [["completion", "tcsh"], "value 'tcsh' is invalid for argument 'shell'. Allowed choices are bash, zsh, fish."],
  ])("%j", async (args, message) => {
    const { code, stdout, stderr } = await kgents(...args);
    expect({ code, stdout }, stderr).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain(message);
  });
});
