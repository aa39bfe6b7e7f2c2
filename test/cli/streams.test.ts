/** The code's output through the command line: live, separate and complete, and what ends it from outside. */
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { type CommandLine, createCommandLine, type Running, shellLine } from "../support/command-line.ts";
import { leftoversOf } from "../support/leftovers.ts";
import { processesRunning } from "../support/processes.ts";

let terminal: CommandLine;
beforeAll(async () => {
  terminal = await createCommandLine({ environment: { KGENTS_TEMPORAL_CLI: inject("temporalBinary") } });
  await terminal.run(["up"]);
});
afterAll(() => terminal[Symbol.asyncDispose]());

const shell = (code: string, ...flags: string[]): string[] => ["exec", "--lang", "sh", ...flags, "--code", code];

/** Nothing of any run of this stack is left: no process, directory, cgroup or mount. */
async function expectNothingLeft(sleep: string, timeout = 30_000): Promise<void> {
  await expect.poll(() => processesRunning(sleep), { timeout }).toEqual([]);
  await expect.poll(async () => (await leftoversOf(terminal.state)).cells, { timeout }).toEqual([]);
}

describe("output", () => {
  test("comes while the code runs, each stream on its own", async () => {
    const command = terminal.start(shell("echo first; echo error >&2; sleep 2; echo last", "--quiet"));
    await command.says("stdout", "first\n");
    await command.says("stderr", "error\n");
    const seen = performance.now();
    expect(command.stdout()).toBe("first\n");
    expect(await command.ended).toMatchObject({ code: 0, stdout: "first\nlast\n", stderr: "error\n" });
    expect(performance.now() - seen).toBeGreaterThan(1000);
  });

  const mebibyte = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte).flatMap((byte) => [byte, 255 - byte]));
  const whole = (blocks: number): string => {
    const block = Buffer.concat(Array.from({ length: 2048 }, () => mebibyte));
    const hash = createHash("sha256");
    for (let index = 0; index < blocks; index += 1) hash.update(block);
    return hash.digest("hex");
  };
  const code = `
import sys
block = bytes(part for byte in range(256) for part in (byte, 255 - byte)) * 2048
for _ in range(60): sys.stdout.buffer.write(block)
for _ in range(5): sys.stderr.buffer.write(block)`;

  test("60 MiB arrive whole through a pipe, and 5 MiB beside them on stderr", async () => {
    const path = await terminal.file("flood.py", code);
    const line = `kgents exec --quiet --cpu 2 --file ${path} 2> >(sha256sum >errors) | sha256sum`;
    const { stdout } = await terminal.program("bash", shellLine(line));
    expect(stdout).toBe(`${whole(60)}  -\n`);
    await expect.poll(() => readFile(join(terminal.directory, "errors"), "utf8")).toBe(`${whole(5)}  -\n`);
  });

  test("--json has its head, its tail, and what it was as a whole", async () => {
    const { code: exit, stdout } = await terminal.run(["exec", "--json", "--cpu", "2", "--code", code]);
    expect(exit).toBe(0);
    expect(Buffer.byteLength(stdout)).toBeLessThan(1024 * 1024);
    expect(JSON.parse(stdout).stdout).toMatchObject({ bytes: 60 * 2 ** 20, sha256: whole(60), truncated: true });
  });
});

describe("a reader that goes away ends the run", () => {
  test.each([
    ["while it writes", "while :; do echo line; sleep 0.01; done", "sleep 0.01"],
    ["on stderr, too", "while :; do echo line >&2; sleep 0.02; done", "sleep 0.02"],
  ])("%s", async (name, code, sleep) => {
    const path = await terminal.file("endless.sh", code);
    const reader = name.includes("stderr") ? "2>&1 >/dev/null | head -1" : "| head -1";
    const line = `kgents exec --quiet --timeout 60 --file ${path} ${reader}; echo "\${PIPESTATUS[0]}"`;
    const { stdout } = await terminal.program("bash", shellLine(line));
    expect(stdout).toBe("line\n141\n");
    await expectNothingLeft(sleep);
  });

  test.each(["exec --json --quiet --code 'print(1)'", "exec --dry-run --code 'print(1)'", "status", "--help"])(
    "kgents %s",
    async (command) => {
      const line = `kgents ${command} | sleep 0; echo "\${PIPESTATUS[0]}"`;
      const { stdout, stderr } = await terminal.program("bash", shellLine(line));
      // Depending on timing, it exits in order or by SIGPIPE, but never with a stack trace.
      expect(["0\n", "141\n"]).toContain(stdout);
      expect(stderr).toBe("");
    },
  );
});

describe("output that cannot be written is said in one sentence, and the run is cancelled", () => {
  const full = "kgents: standard output cannot be written: ENOSPC: no space left on device, write";

  test.each([
    ["exec", "while :; do echo line; sleep 0.03; done", `${full}; the run full-exec is cancelled\n`, "/dev/full"],
    ["exec", "while :; do echo line >&2; sleep 0.04; done", "", "/dev/null 2>/dev/full"],
    ["exec --detach", "sleep 615.5", `${full}; the run full-exec---detach is cancelled\n`, "/dev/full"],
  ])("kgents %s, %s", async (command, code, said, place) => {
    const path = await terminal.file("endless.sh", code);
    const id = `full-${command.replaceAll(" ", "-")}${said === "" ? "-stderr" : ""}`;
    const line = `kgents ${command} --quiet --timeout 60 --id ${id} --file ${path} >${place}; echo "$?" >&3`;
    const { stdout, stderr } = await terminal.program("bash", shellLine(`exec 3>&1; ${line}`));
    expect({ stdout, stderr }).toEqual({ stdout: "125\n", stderr: said });
    expect((await terminal.run(["wait", id])).code).toBe(130);
  });

  test.each(["ps --all", "schema request", "completion bash", "--help", "exec --dry-run --code 'print(1)'"])(
    "kgents %s",
    async (command) => {
      const { stdout, stderr } = await terminal.program(
        "bash",
        shellLine(`exec 3>&1; kgents ${command} >/dev/full; echo "$?" >&3`),
      );
      expect({ stdout, stderr }).toEqual({ stdout: "125\n", stderr: `${full}\n` });
    },
  );
});

describe("Ctrl-C", () => {
  async function running(sleep: string, ...flags: string[]): Promise<Running> {
    const command = terminal.start(shell(`echo begun; ${sleep}`, "--timeout", "700", ...flags));
    await command.says("stdout", "begun\n");
    return command;
  }

  test.each(["SIGINT", "SIGTERM", "SIGHUP"] as const)(
    "%s cancels, waits for the clean-up, and exits with 130",
    async (signal) => {
      const sleep = `sleep 611.${signal.charCodeAt(3)}`;
      const command = await running(sleep);
      const asked = performance.now();
      command.child.kill(signal);
      const { code, stdout, stderr } = await command.ended;
      expect(performance.now() - asked).toBeLessThan(4000);
      expect({ code, stdout }).toEqual({ code: 130, stdout: "begun\n" });
      expect(stderr).toContain("kgents: cancelling; a second time exits at once\n");
      expect(stderr).toMatch(/kgents: cancelled: .* \(run exec-/);
      expect(await processesRunning(sleep)).toEqual([]);
      await expectNothingLeft(sleep);
    },
  );

  test("with --json the result says cancelled", async () => {
    const command = terminal.start(shell("sleep 612.5", "--timeout", "700", "--json", "--id", "to-cancel"));
    await expect.poll(() => processesRunning("sleep 612.5")).not.toEqual([]);
    command.child.kill("SIGINT");
    const { code, stdout } = await command.ended;
    expect(code).toBe(130);
    expect(JSON.parse(stdout)).toMatchObject({ id: "to-cancel", status: "cancelled" });
  });

  test("twice leaves at once, and says the run's id", { timeout: 150_000 }, async () => {
    const command = await running("sleep 613.5", "--id", "left-behind");
    const { pid } = JSON.parse(await readFile(join(terminal.state, "worker.json"), "utf8"));
    // The worker is stopped, so the cancellation cannot complete before the second Ctrl-C.
    process.kill(pid, "SIGSTOP");
    try {
      command.child.kill("SIGINT");
      await command.says("stderr", "cancelling");
      command.child.kill("SIGINT");
      const { code, stderr } = await command.ended;
      expect(code).toBe(130);
      expect(stderr).toContain("kgents: stopped at once; the cancellation of run left-behind continues\n");
    } finally {
      process.kill(pid, "SIGCONT");
    }
    // Tasks that the stopped worker had taken time out first, after 10 s each, and are carried out again.
    await expectNothingLeft("sleep 613.5", 100_000);
  });

  test("who attached to a run cancels it", async () => {
    const flags = ["--id", "shared", "--timeout", "700"];
    await terminal.run(shell("echo begun; sleep 614.5", "--detach", ...flags));
    const command = terminal.start(shell("echo begun; sleep 614.5", ...flags));
    await command.says("stdout", "begun\n");
    command.child.kill("SIGINT");
    expect(await command.ended).toMatchObject({ code: 130 });
    await expectNothingLeft("sleep 614.5");
  });

  test("while the code is still awaited", async () => {
    const command = terminal.start(["exec"], { input: null });
    await command.says("stderr", "kgents: waiting for the code on standard input\n");
    command.child.kill("SIGINT");
    const { code, stdout, stderr } = await command.ended;
    expect({ code, stdout }).toEqual({ code: 130, stdout: "" });
    expect(stderr).toContain("kgents: stopped before the run was started\n");
  });
});

/** Runs a command on a terminal, and returns the terminal's output. */
const onTerminal = (line: string): Promise<string> =>
  terminal
    .program("script", ["-qec", `bash -c '${shellLine(line)[1]?.replaceAll("'", `'\\''`)}'`, "/dev/null"])
    .then(({ stdout }) => stdout.replaceAll("\r\n", "\n"));

describe("on a terminal", () => {
  test("output is the code's, words are ours", async () => {
    expect(await onTerminal("kgents exec --code 'print(1)' </dev/tty")).toContain("1\n");
  });

  test("without code it is refused at once", async () => {
    expect(await onTerminal("kgents exec; echo $?")).toContain("kgents: --code: got no code\n");
  });
});
