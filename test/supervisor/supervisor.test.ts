import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { renderCommandFile } from "#core/manifest/command-file";
import { parseExitMarker } from "#core/manifest/exit-marker";
import { supervisorCommand } from "#core/manifest/supervisor";
import { canBePid1, shells, startCell } from "./cell-harness.ts";

const hostile = [
  "",
  " ",
  "$(VAR)",
  "$$",
  "`id`",
  "it's",
  '"',
  "a\nb\n",
  "\\",
  "\\n",
  "*",
  "-n",
  "--",
  "ü€😀",
  "\u0001\u007f",
];

/** Variables that shells set, read or refuse to set, and others with the same prefixes. */
const shellVariables = {
  ...{
    IFS: "x",
    UID: "7",
    PPID: "x",
    OPTIND: "x",
    SHLVL: "x",
    PWD: "/no",
    OLDPWD: "/no",
    _: "x",
    BASHOPTS: "x",
    LINENO: "x",
  },
  ...{
    RANDOM: "x",
    SECONDS: "x",
    HISTFILESIZE: "0",
    BASH_TOKEN: "t",
    MAIL_PASSWORD: "m",
    TERMINAL: "i",
    LC_ALL: "xx_YY",
  },
  ...{ ENV: "/no", BASH_ENV: "/no", MAILPATH: "/no", PS1: "$(id)", POSIXLY_CORRECT: "", CDPATH: "/" },
};

it("has shells to be tested with", () => {
  expect(shells.length).toBeGreaterThan(0);
});

describe.each(shells.map((shell) => ({ name: shell.join(" "), shell })))("the supervisor under $name", ({ shell }) => {
  it.each([
    ["exit 0", 0],
    ["exit 3", 3],
    ["exit 127", 127],
    ["exit 255", 255],
    ["exit 128", 128],
    // bash cannot distinguish it from SIGKILL.
    ["exit 137", 137, shell[0] === "bash"],
    ["kill -TERM $$", 143, true],
    ["kill -KILL $$", 137, true],
    ["kill -SEGV $$", 139, true],
    // A shell without job control ignores it in background commands, so the code must not be one.
    ["kill -INT $$; exit 7", 130, true],
    ["kill -QUIT $$; exit 7", 131, true],
  ])("ends as the code does: %s", async (code, expected, signalled = false) => {
    await using cell = startCell(shell);
    // By path: under busybox, `sh` would be busybox again, which ignores SIGQUIT itself.
    await cell.start(["/bin/sh", "-c", code]);
    expect(parseExitMarker(await cell.appears("exit"))).toEqual({ code: expected, signalled, stopped: null });
    expect(await cell.collect()).toBe(expected);
  });

  it("says 127 where there is no such program, and why on stderr", async () => {
    await using cell = startCell(shell);
    // An unreadable directory in the PATH would make it 126.
    await cell.start(["no-such-program"], { environment: { PATH: "/usr/bin:/bin" } });
    expect(parseExitMarker(await cell.appears("exit"))?.code).toBe(127);
    expect(cell.read("stderr").toString()).toContain("no-such-program");
  });

  it("delivers every byte of the arguments", async () => {
    await using cell = startCell(shell);
    await cell.start(["sh", "-c", `printf '%s\\0' "$@"`, "name", ...hostile]);
    await cell.appears("exit");
    expect(cell.read("stdout").toString()).toBe(hostile.map((word) => `${word}\0`).join(""));
  });

  it("gives the environment that was asked for, and nothing of its own", async () => {
    await using cell = startCell(shell);
    const environment = Object.fromEntries(hostile.map((value, index) => [`V${index}`, value]));
    const own = { LANG: "C", ...shellVariables };
    await cell.start(["env", "-0"], { environment: { ...own, ...environment } });
    await cell.appears("exit");
    const entries = cell.read("stdout").toString().split("\0").filter(Boolean);
    const variables = Object.fromEntries(entries.map((entry) => entry.split(/=(.*)/s).slice(0, 2)));
    expect(variables).toEqual({
      ...environment,
      ...own,
      PATH: cell.path,
      HOME: cell.work,
      TMPDIR: `${cell.tmp}/kgents`,
    });
  });

  it("says how long the code ran, also where the code has killed its clock", async () => {
    await using cell = startCell(shell, { lifetime: 300 });
    await cell.start(["sh", "-c", `${canBePid1 ? "kill -9 -1; " : ""}sleep 2`]);
    await cell.appears("exit");
    const elapsed = Number(cell.read("elapsed").toString());
    expect(elapsed).toBeGreaterThanOrEqual(canBePid1 ? 1500 : 1000);
    expect(elapsed).toBeLessThan(20_000);
  });

  it("bounds the size of a file, which may lie where no meter looks", async () => {
    await using cell = startCell(shell, { disk: 2 ** 20, output: 2 ** 20 });
    await cell.start(["sh", "-c", "head -c 3000000 /dev/zero >file; wc -c <file"]);
    await cell.appears("exit");
    expect(cell.read("stdout").toString().trim()).toBe(String(2 * 2 ** 20));
  });

  it("runs in the work directory, with the files that were delivered", async () => {
    await using cell = startCell(shell);
    await cell.start(["sh", "main.sh"], { files: { "main.sh": "pwd; echo made >made" } });
    await cell.appears("exit");
    expect(cell.read("stdout").toString()).toBe(`${cell.work}\n`);
    expect(readFileSync(join(cell.work, "made"), "utf8")).toBe("made\n");
  });

  it("gives stdin byte for byte", async () => {
    await using cell = startCell(shell);
    const stdin = Uint8Array.from({ length: 70_000 }, (_, index) => (index * 7) % 256);
    await cell.start(["cat"], { stdin });
    await cell.appears("exit");
    expect(cell.read("stdout").equals(Buffer.from(stdin))).toBe(true);
  });

  it("gives end of file where there is no stdin", async () => {
    await using cell = startCell(shell);
    await cell.start(["cat"]);
    expect(parseExitMarker(await cell.appears("exit"))).toEqual({ code: 0, signalled: false, stopped: null });
    expect(cell.read("stdout").length).toBe(0);
  });

  it("keeps the two streams apart, byte for byte", async () => {
    await using cell = startCell(shell);
    await cell.start(["sh", "-c", `printf 'a\\000\\377'; printf 'b\\376' >&2; printf 'c'`]);
    await cell.appears("exit");
    expect([...cell.read("stdout")]).toEqual([0x61, 0, 0xff, 0x63]);
    expect([...cell.read("stderr")]).toEqual([0x62, 0xfe]);
  });

  it("wakes whoever waits for the end, however late", async () => {
    await using cell = startCell(shell);
    await cell.start(["sh", "-c", "while ! [ -e stop ]; do sleep 0.05; done"]);
    const wait = () =>
      once(
        spawn("sh", ["-c", 'read -r _ <"$1"; [ -e "$2" ]', "sh", join(cell.run, "done"), join(cell.run, "exit")]),
        "exit",
      );
    const early = [wait(), wait()];
    writeFileSync(join(cell.work, "stop"), "");
    await cell.appears("exit");
    expect((await Promise.all([...early, wait()])).map(([code]) => code)).toEqual([0, 0, 0]);
  });

  it("shows output while the code runs", async () => {
    await using cell = startCell(shell);
    await cell.start(["sh", "-c", "echo early; while ! [ -e stop ]; do sleep 0.05; done"]);
    await expect.poll(() => cell.read("stdout").toString()).toBe("early\n");
    expect(existsSync(join(cell.run, "exit"))).toBe(false);
  });

  it("waits for the collection", async () => {
    await using cell = startCell(shell);
    await cell.start(["true"]);
    await cell.appears("exit");
    const early = await Promise.race([cell.end(), new Promise((resolve) => setTimeout(() => resolve("waiting"), 500))]);
    expect(early).toBe("waiting");
    expect(await cell.collect()).toBe(0);
  });

  it("ends by itself after the grace", async () => {
    await using cell = startCell(shell, { grace: 1 });
    await cell.start(["sh", "-c", "exit 4"]);
    await cell.appears("exit");
    const marked = Date.now();
    expect(await cell.end()).toBe(4);
    expect(Date.now() - marked).toBeGreaterThan(800);
  });

  it("starts the code once, however often it is delivered", async () => {
    await using cell = startCell(shell);
    await cell.start(["sh", "-c", "echo ran"]);
    await cell.appears("exit");
    expect(() => mkdirSync(join(cell.run, "started"))).toThrow(/EEXIST/);
    await cell.collect();
    expect(cell.read("stdout").toString()).toBe("ran\n");
  });

  describe.skipIf(!canBePid1)("as PID 1", () => {
    it("ends code at its deadline, and all that it started", async () => {
      // Long enough for code of the lowest priority to start on a loaded machine.
      await using cell = startCell(shell, { lifetime: 1500 });
      const started = Date.now();
      await cell.start([
        "sh",
        "-c",
        "echo partial; setsid sh -c 'while :; do echo x >>daemon; sleep 0.02; done' & sleep 60",
      ]);
      expect(parseExitMarker(await cell.appears("exit"))).toEqual({ code: 137, signalled: true, stopped: "timed-out" });
      expect(Date.now() - started).toBeLessThan(10_000);
      expect(cell.read("stdout").toString()).toBe("partial\n");
      const size = readFileSync(join(cell.work, "daemon")).length;
      await new Promise((resolve) => setTimeout(resolve, 200));
      expect(readFileSync(join(cell.work, "daemon")).length).toBe(size);
    });

    it("does not take a signal of the code's own for its deadline", async () => {
      await using cell = startCell(shell);
      await cell.start(["sh", "-c", "kill -9 $$"]);
      expect(parseExitMarker(await cell.appears("exit"))).toEqual({ code: 137, signalled: true, stopped: null });
    });

    it("cannot be killed by the code", async () => {
      await using cell = startCell(shell);
      await cell.start(["sh", "-c", "kill -9 1; kill -TERM 1; kill -9 -1; echo alive; exit 3"]);
      expect(parseExitMarker(await cell.appears("exit"))).toEqual({ code: 3, signalled: false, stopped: null });
      expect(cell.read("stdout").toString()).toBe("alive\n");
      expect(await cell.collect()).toBe(3);
    });

    it("kills what outlives the code, before it says that it ended", async () => {
      await using cell = startCell(shell);
      await cell.start(["sh", "-c", "setsid sh -c 'while :; do echo daemon; sleep 0.02; done' & sleep 0.2"]);
      await cell.appears("exit");
      const size = cell.read("stdout").length;
      expect(size).toBeGreaterThan(0);
      await new Promise((resolve) => setTimeout(resolve, 200));
      expect(cell.read("stdout").length).toBe(size);
    });

    it("leaves those alone who collect the output", async () => {
      await using cell = startCell(shell);
      await cell.start(["sh", "-c", "sleep 0.5; echo last"]);
      const collector = cell.enter("tail", "-n", "+1", "-f", join(cell.run, "stdout"));
      let collected = "";
      collector.stdout?.on("data", (chunk) => {
        collected += chunk;
      });
      await cell.appears("exit");
      await expect.poll(() => collected).toBe("last\n");
      expect([collector.exitCode, collector.signalCode]).toEqual([null, null]);
      await cell.collect();
    });

    it("ends code that fills the disk", async () => {
      await using cell = startCell(shell, { disk: 2 ** 20 });
      await cell.start(["sh", "-c", 'head -c 700000 /dev/zero >a; head -c 700000 /dev/zero >"$TMPDIR/b"; sleep 60']);
      expect(parseExitMarker(await cell.appears("exit"))).toEqual({
        code: 137,
        signalled: true,
        stopped: "disk-limit",
      });
    });

    it("ends code that fills the run directory", async () => {
      await using cell = startCell(shell, { disk: 2 ** 20, output: 2 ** 20 });
      const fill = 'for i in 1 2 3 4; do head -c 1000000 /dev/zero >"$0/own$i"; done; sleep 60';
      await cell.start(["sh", "-c", fill, cell.run]);
      expect(parseExitMarker(await cell.appears("exit"))).toEqual({
        code: 137,
        signalled: true,
        stopped: "disk-limit",
      });
    });

    it("leaves code alone that stays within its disk, or makes a sparse file", async () => {
      await using cell = startCell(shell, { disk: 2 ** 20 });
      await cell.start(["sh", "-c", "head -c 700000 /dev/zero >a; truncate -s 1T sparse; sleep 2.5"]);
      expect(parseExitMarker(await cell.appears("exit"))).toEqual({ code: 0, signalled: false, stopped: null });
    });

    it.each(["", ">&2"])("ends code that floods a stream: %s", async (redirect) => {
      await using cell = startCell(shell, { output: 2 ** 20 });
      await cell.start(["sh", "-c", `head -c 3000000 /dev/zero ${redirect}; sleep 60`]);
      expect(parseExitMarker(await cell.appears("exit"))).toEqual({
        code: 137,
        signalled: true,
        stopped: "output-limit",
      });
    });
  });
});

// busybox has a built-in env and runs no other.
it.each(shells.filter(([program]) => program !== "busybox"))(
  "has no variable on a command line, where the whole node could read it: %s",
  async (...shell) => {
    await using cell = startCell(shell);
    const seen = join(cell.run, "seen");
    writeFileSync(
      join(cell.path.split(":")[0] ?? "", "env"),
      `#!/bin/sh\necho "$@" >>${seen}\nexec /usr/bin/env "$@"\n`,
      {
        mode: 0o755,
      },
    );
    const secrets = { TOKEN: "s3cret", BASH_TOKEN: "s3cret", TERMINAL: "s3cret", MAIL_PASSWORD: "s3cret" };
    await cell.start(["sh", "-c", "echo $TOKEN"], { environment: { SHLVL: "7", ...secrets } });
    await cell.appears("exit");
    expect(cell.read("stdout").toString()).toBe("s3cret\n");
    expect(readFileSync(seen, "utf8")).toMatch(/SHLVL=7 sh -c/);
    expect(readFileSync(seen, "utf8")).not.toContain("s3cret");
  },
);

describe("the supervisor's command", () => {
  const command = supervisorCommand({
    runDirectory: "/run/kgents",
    workDirectory: "/work",
    temporaryDirectory: "/tmp",
    programs: "many",
    lifetime: 1500,
    disk: 1025,
    output: 2048,
    grace: 300,
    processes: 128,
  });

  it("tells milliseconds, KiB rounded up, and seconds", () => {
    expect(command.slice(3, 11)).toEqual([
      "kgents-supervisor",
      "/run/kgents",
      "/work",
      "/tmp",
      "1500",
      "2",
      "2",
      "300",
    ]);
    expect(command.slice(12)).toEqual(["128", "many"]);
  });

  it("passes through Kubernetes' expansion unchanged", () => {
    // https://kubernetes.io/docs/tasks/inject-data-application/define-command-argument-container/: `$$` becomes `$`,
    // and `$(NAME)` the variable's value if it is set.
    const script = `${command[2]}${command[11]}`;
    expect(script).not.toContain("$$");
    expect(script).not.toMatch(/\$\([A-Za-z_][A-Za-z0-9_.-]*\)/);
  });
});

describe("renderCommandFile", () => {
  it("quotes every word", () => {
    expect(renderCommandFile(["echo", "it's", "$(id)"], { A: "b c" })).toBe(
      `set -- 'A=b c' 'echo' 'it'\\''s' '$(id)'\n`,
    );
  });
});

describe("parseExitMarker", () => {
  it.each([
    ["0 exit \n", { code: 0, signalled: false, stopped: null }],
    ["0 exit ", { code: 0, signalled: false, stopped: null }],
    ["139 signal \n", { code: 139, signalled: true, stopped: null }],
    ["137 signal timed-out\n", { code: 137, signalled: true, stopped: "timed-out" }],
    ["137 signal disk-limit\n", { code: 137, signalled: true, stopped: "disk-limit" }],
    ["137 signal output-limit\n", { code: 137, signalled: true, stopped: "output-limit" }],
    ["", undefined],
    ["0", undefined],
    ["0 \n", undefined],
    ["256 exit \n", undefined],
    ["-1 exit \n", undefined],
    ["0 exit bored\n", undefined],
    ["0 exit \n1 exit \n", undefined],
  ])("reads %j", (text, expected) => {
    expect(parseExitMarker(text)).toEqual(expected);
  });
});
