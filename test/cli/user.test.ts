/** Everything as an unprivileged user, on a machine that only root has used before. */
import { execFileSync } from "node:child_process";
import { chmod, chown, cp, lchown, mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ExecutionResult } from "#core/contract/result";
import { kgentsPaths } from "#platform/host/paths";
import { type CommandLine, createCommandLine } from "../support/command-line.ts";
import { freePort } from "../support/dev-server.ts";
import { kgentsEntry } from "../support/worker-process.ts";

/** A user id without an account, as in a container that runs under an arbitrary id. */
const user = 54_321;

/** Only root can change the user id, and other users can only read a checkout outside root's home. */
function canBecomeUser(): boolean {
  try {
    execFileSync("test", ["-r", kgentsEntry], { uid: user, gid: user });
    return process.getuid?.() === 0;
  } catch {
    return false;
  }
}

describe.runIf(canBecomeUser())("as an unprivileged user", () => {
  let terminal: CommandLine;
  beforeAll(async () => {
    // The PATH of such a user: programs under root's home are not accessible.
    const environment = { PATH: "/usr/local/bin:/usr/bin:/bin", USER: undefined, LOGNAME: undefined };
    terminal = await createCommandLine({ environment, user });
    const { directory } = terminal;
    for (const name of ["home", "state", "config", "cache"]) await mkdir(join(directory, name));
    // The tools that this machine has, in a cache of the user's own.
    await cp(join(kgentsPaths().cache, "tools"), join(directory, "cache/kgents/tools"), { recursive: true });
    for (const entry of ["", ...(await readdir(directory, { recursive: true }))]) {
      await lchown(join(directory, entry), user, user);
    }
    await chown(directory, user, user);
    await chmod(directory, 0o755);
    Object.assign(terminal.environment, { HOME: join(directory, "home"), XDG_CACHE_HOME: join(directory, "cache") });
  });
  afterAll(() => terminal[Symbol.asyncDispose]());

  test("the first command brings everything up and runs the code, isolated", async () => {
    const { code, stdout, stderr } = await terminal.run(["exec", "--json", "--lang", "sh", "--code", "id -u"]);
    expect(code, stderr).toBe(0);
    const result: ExecutionResult = JSON.parse(stdout);
    expect(result.stdout.text).not.toBe("0\n");
    expect(result.isolation).toMatchObject({
      level: "sandbox",
      network: { enforced: true },
      filesystem: { enforced: true },
      user: { enforced: true },
    });
    const shown = await terminal.run(["show", result.id, "--json"]);
    expect(JSON.parse(shown.stdout)).toMatchObject({ requester: `cli:${user}` });
  });

  test.each([
    [["--lang", "shell", "--code", "echo hi"], { code: 0, stdout: "hi\n", stderr: "" }],
    [["--lang", "ts", "--cpu", "1", "--code", "console.log(1 as number)"], { code: 0, stdout: "1\n", stderr: "" }],
    [["--lang", "bash", "--code", "exit 7"], { code: 7, stdout: "", stderr: "" }],
    [["--lang", "sh", "--code", "cat /etc/shadow"], { code: 1, stdout: "" }],
  ])("exec %j", async (args, expected) => {
    expect(await terminal.run(["exec", "--quiet", ...args])).toMatchObject(expected);
  });

  test("Ctrl-C", async () => {
    const command = terminal.start(["exec", "--lang", "sh", "--code", "echo begun; sleep 29"]);
    await command.says("stdout", "begun");
    command.child.kill("SIGINT");
    expect(await command.ended).toMatchObject({ code: 130, stdout: "begun\n" });
  });

  test("status", async () => {
    const { code, stdout } = await terminal.run(["status", "--json"]);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ temporal: { running: true }, worker: { running: true } });
  });

  test("a state directory that may not be written is said, with what to do", async () => {
    const environment = { XDG_STATE_HOME: "/root", KGENTS_PORT: String(await freePort()) };
    const { code, stdout, stderr } = await terminal.run(["exec", "--code", "print(1)"], { environment });
    expect({ code, stdout }).toEqual({ code: 125, stdout: "" });
    expect(stderr).toBe(
      "kgents: EACCES: permission denied, lstat '/root/kgents'\n" +
        "        Make the directory writable for this user, or choose other directories with XDG_STATE_HOME and XDG_CACHE_HOME.\n",
    );
  });
});
