import { execFileSync } from "node:child_process";
import { chmod, chown, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { findProgram, lookForProgram, programsOnPath, trustedPath } from "#platform/host/find-program";
import { changeableByOthers, refuseForeignDirectories } from "#platform/host/ownership";
import { isRunning } from "#platform/host/process-identity";
import { programEnvironment } from "#platform/host/program-environment";
import { outputOf, runProgram, startProgram } from "#platform/host/run-program";

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "kgents-programs-"));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const sh = (script: string, options = {}) => runProgram("/bin/sh", ["-c", script], options);

describe("a program of the host", () => {
  test("is named by its absolute path", async () => {
    for (const name of ["sh", "./sh", "bin/sh", ""])
      expect(() => startProgram(name, [], { environment: {}, stdio: "ignore" })).toThrow(/absolute path/);
  });

  test("starts in / with the environment that was made for it", async () => {
    const end = await sh("pwd; /usr/bin/env", { environment: { GIVEN: "1" } });
    expect(end).toMatchObject({ code: 0, signal: null, stderr: "" });
    expect(end.stdout.split("\n").filter((line) => line && !/^(PWD|SHLVL|_)=/.test(line))).toEqual(["/", "GIVEN=1"]);
  });

  test("is followed to its end, whatever that is", async () => {
    expect(await sh("cat; echo no >&2; exit 3", { input: "yes" })).toMatchObject({
      code: 3,
      stdout: "yes",
      stderr: "no\n",
    });
    expect(await sh("kill -9 $$")).toMatchObject({ code: null, signal: "SIGKILL" });
    await expect(outputOf("/bin/sh", ["-c", "echo first; echo last >&2; exit 3"])).rejects.toThrow("/bin/sh: last");
    await expect(outputOf("/bin/sh", ["-c", "exit 3"])).rejects.toThrow("/bin/sh: exit code 3");
    await expect(runProgram("/nonexistent/program", [])).rejects.toThrow(/ENOENT/);
    await expect(runProgram("/bin/sh", ["a".repeat(8_000_000)])).rejects.toThrow(/E2BIG/);
  });

  const state = (pid: string): Promise<string> =>
    readFile(`/proc/${pid}/stat`, "utf8").then(
      (stat) => stat.split(" ")[2] ?? "",
      () => "gone",
    );
  const pidIn = (file: string): Promise<string> =>
    vi.waitFor(async () => (await readFile(file, "utf8")).trim(), { timeout: 20_000, interval: 5 });

  // Each leaves a process behind that keeps its output open.
  const kills: [string, string, object, RegExp][] = [
    ["when its time is up", "wait", { timeoutMilliseconds: 2000 }, /did not end within 2 s/],
    ["when it writes too much", "exec yes", { outputBytes: 4096 }, /wrote more than 4096 bytes/],
    ["when it is aborted", "wait", {}, /no more/],
  ];
  test.each(kills)("is killed %s, with its process group where it has one", async (_, script, options, reason) => {
    const file = join(directory, "pid");
    const stop = new AbortController();
    const command = `sleep 600 & echo $! >${file}.new; mv ${file}.new ${file}; ${script}`;
    const ended = expect(sh(command, { signal: stop.signal, ...options, ownGroup: true })).rejects.toThrow(reason);
    const pid = await pidIn(file);
    if (String(reason) === "/no more/") stop.abort(new Error("no more"));
    await ended;
    await expect.poll(() => state(pid)).toMatch(/gone|Z/);
  });

  test("does not start once it is aborted", async () => {
    const file = join(directory, "started");
    await expect(sh(`: >${file}`, { signal: AbortSignal.abort(new Error("no more")) })).rejects.toThrow("no more");
    expect(await readdir(directory)).toEqual([]);
  });

  test("ends with the process that started it", async () => {
    const module = join(import.meta.dirname, "../../platform/host/run-program.ts");
    const file = join(directory, "pid");
    const script = `
      const { runProgram } = await import(${JSON.stringify(module)});
      void runProgram("/bin/sh", ["-c", "echo $$ >${file}.new; mv ${file}.new ${file}; exec sleep 600"]);
      const fs = await import("node:fs");
      while (!fs.existsSync("${file}")) await new Promise((resolve) => setTimeout(resolve, 5));
      process.exit(0);`;
    execFileSync(process.execPath, ["--input-type=module", "-e", script]);
    const pid = await pidIn(file);
    await expect.poll(() => state(pid)).toMatch(/gone|Z/);
  });
});

describe("where programs are looked for", () => {
  const put = async (...names: string[]): Promise<void> => {
    for (const name of names) {
      await mkdir(join(directory, name, ".."), { recursive: true });
      await writeFile(join(directory, name), "#!/bin/sh\n", { mode: 0o755 });
    }
  };
  const at = (...names: string[]): string => names.map((name) => join(directory, name)).join(":");

  test("in absolute directories that nobody else can write, outside of the project", async () => {
    await put("open/tool", "project/bin/tool", "group/tool", "good/tool", "last/tool");
    await chmod(join(directory, "open"), 0o777);
    // A group with other members besides this user.
    if (process.geteuid?.() === 0) {
      await chown(join(directory, "group"), 12345, 12345);
    } else await chmod(join(directory, "group"), 0o777);
    await symlink(join(directory, "open"), join(directory, "link"));
    const path = `:.:project/bin:${at("open", "link", "project/bin", "group", "none", "good", "last")}`;
    const found = [];
    for await (const one of programsOnPath("tool", path, join(directory, "project"))) found.push(one);
    expect(found).toEqual([
      {
        refused: expect.stringContaining(`${at("open/tool")} is not used: ${at("open")} can be written by every user`),
      },
      {
        refused: expect.stringContaining(`${at("link/tool")} is not used: ${at("open")} can be written by every user`),
      },
      { refused: `${at("project/bin/tool")} is not used: it lies in the working directory` },
      { refused: expect.stringContaining(`${at("group/tool")} is not used: ${at("group")}`) },
      { path: at("good/tool") },
      { path: at("last/tool") },
    ]);
    expect(await trustedPath(path, join(directory, "project"))).toBe(at("none", "good", "last"));
    expect(await findProgram("tool", path)).toBe(at("project/bin/tool"));
    expect(await lookForProgram("tool", at("open", "none"))).toEqual({
      path: undefined,
      refused: [expect.any(String)],
    });
  });

  test("not in the repository around the working directory, nor where npx finds a project's programs", async () => {
    const within = ["repository/bin/tool", "repository/node_modules/.bin/tool", "above/node_modules/.bin/tool"];
    await put(...within, "repository/.git/hooks/sample", "repository/sub/file", "good/tool");
    await symlink(join(directory, "repository/bin"), join(directory, "by-link"));
    const path = at("repository/bin", "repository/node_modules/.bin", "above/node_modules/.bin", "by-link", "good");
    const project = join(directory, "repository/sub");
    const found = [];
    for await (const one of programsOnPath("tool", path, project)) found.push(one);
    const why = "is not used: it lies in the repository of the working directory";
    expect(found).toEqual([
      { refused: `${at("repository/bin/tool")} ${why}` },
      { refused: `${at("repository/node_modules/.bin/tool")} ${why}` },
      { refused: `${at("above/node_modules/.bin/tool")} is not used: it lies among the packages of a project` },
      { refused: `${at("by-link/tool")} ${why}` },
      { path: at("good/tool") },
    ]);
    expect(await trustedPath(path, project)).toBe(at("good"));
  });

  test("a home directory is no project, nor is what holds it", async () => {
    await put("home/bin/tool");
    for (const project of ["/", process.env.HOME ?? "/root"])
      for await (const found of programsOnPath("sh", "/usr/bin:/bin", project))
        expect(found).toMatchObject({ path: expect.any(String) });
  });

  test("a program that is a link is found", async () => {
    await mkdir(join(directory, "good"));
    await symlink("/bin/sh", join(directory, "good/link"));
    expect(await findProgram("link", at("good"))).toBe(at("good/link"));
  });

  test("a program that others can write is none", async () => {
    await put("good/tool");
    await chmod(join(directory, "good/tool"), 0o777);
    expect(await findProgram("tool", at("good"))).toBeUndefined();
  });
});

describe("kgents' own directories", () => {
  const own = (place: string) => ({
    state: join(directory, place, "state/kgents"),
    cache: join(directory, place, "cache/kgents"),
  });

  test("may be made where nobody else can come first", async () => {
    refuseForeignDirectories(own("new"));
    await mkdir(own("there").state, { recursive: true });
    refuseForeignDirectories(own("there"));
  });

  test("are refused where others can put something into them, also before they are there", async () => {
    await mkdir(join(directory, "open/state"), { recursive: true });
    await chmod(join(directory, "open/state"), 0o777);
    expect(() => refuseForeignDirectories(own("open"))).toThrow(
      `the state directory ${own("open").state} is not used: ${join(directory, "open/state")} can be written by every user`,
    );
  });

  if (process.geteuid?.() === 0)
    test("are refused where they, or what is above them, belong to another user", async () => {
      await mkdir(join(directory, "theirs"));
      await chown(join(directory, "theirs"), 12345, 12345);
      expect(() => refuseForeignDirectories(own("theirs"))).toThrow(/theirs belongs to the user 12345/);
      await mkdir(own("mine").state, { recursive: true });
      await mkdir(own("mine").cache, { recursive: true });
      await chown(own("mine").cache, 12345, 12345);
      expect(() => refuseForeignDirectories(own("mine"))).toThrow(/the cache directory .* belongs to the user 12345/);
    });
});

test.each([0, -1, 1.5, Number.NaN, 2 ** 60])("%s is no process", async (pid) => {
  expect(await isRunning({ pid, startTime: "" })).toBe(false);
});

test("the environment of programs is an allow list", async () => {
  const given = {
    PATH: ".:/usr/bin",
    HOME: "/home/a",
    LC_ALL: "C",
    TMPDIR: "/t",
    PIP_INDEX_URL: "x",
    PIP_X: undefined,
    NODE_OPTIONS: "--require=/x",
    LD_PRELOAD: "/x",
    LD_LIBRARY_PATH: "/x",
    PYTHONPATH: "/x",
    PYTHONSTARTUP: "/x",
    BASH_ENV: "/x",
    ENV: "/x",
    GITHUB_TOKEN: "secret",
    KGENTS_MCP_TOKEN: "secret",
    DYLD_INSERT_LIBRARIES: "/x",
  };
  expect(await programEnvironment(given, ["PIP_*"])).toEqual({
    PATH: "/usr/bin",
    HOME: "/home/a",
    LC_ALL: "C",
    TMPDIR: "/t",
    PIP_INDEX_URL: "x",
    PIP_X: undefined,
  });
});

describe("who can change a file", () => {
  const trust = { users: new Set([0, 1000]), groups: new Set([0, 1000]) };
  const cases: [string, { uid: number; gid: number; mode: number }, boolean, string | undefined][] = [
    ["root's", { uid: 0, gid: 0, mode: 0o755 }, false, undefined],
    ["our own", { uid: 1000, gid: 1000, mode: 0o700 }, false, undefined],
    ["our own and our private group's", { uid: 1000, gid: 1000, mode: 0o775 }, false, undefined],
    ["another's", { uid: 1001, gid: 1000, mode: 0o700 }, false, "belongs to the user 1001"],
    ["another's above it", { uid: 1001, gid: 1000, mode: 0o755 }, true, "belongs to the user 1001"],
    ["everybody's", { uid: 0, gid: 0, mode: 0o777 }, false, "can be written by every user"],
    ["everybody's, sticky", { uid: 0, gid: 0, mode: 0o1777 }, false, "can be written by every user"],
    ["everybody's, sticky, above it", { uid: 0, gid: 0, mode: 0o1777 }, true, undefined],
    ["everybody's above it", { uid: 0, gid: 0, mode: 0o777 }, true, "can be written by every user"],
    ["a shared group's", { uid: 1000, gid: 100, mode: 0o775 }, false, "can be written by the group 100"],
    ["a shared group's, that root lets write", { uid: 0, gid: 50, mode: 0o2775 }, false, undefined],
  ];
  test.each(cases)("%s", (_, status, isAncestor, expected) => {
    expect(changeableByOthers(status, trust, isAncestor)).toBe(expected);
  });
});

describe("no other file starts programs", () => {
  const root = join(import.meta.dirname, "../..");

  test("the linter refuses it in every room: a room's own import rule replaces the common one", async () => {
    const { linter, overrides } = JSON.parse(await readFile(join(root, "biome.json"), "utf8"));
    const rules = [{ includes: "everywhere", linter }, ...overrides].flatMap(({ includes, linter: { rules } }) => {
      const rule = rules.style?.noRestrictedImports;
      return rule === undefined ? [] : [{ includes, paths: Object.keys(rule.options?.paths ?? {}) }];
    });
    const without = rules.filter(
      ({ paths }) => !["node:child_process", "child_process"].every((name) => paths.includes(name)),
    );
    expect(without.map(({ includes }) => includes)).toEqual([
      ["platform/host/run-program.ts"],
      ["test/**", "bench/**"],
    ]);
    expect(rules.length).toBeGreaterThan(without.length + 5);
  });

  test("nor by a way that the linter does not see", async () => {
    const ways = /child_process|node:cluster|getBuiltinModule(?!\("node:http"\))|process\.binding/;
    const found: string[] = [];
    for (const room of [
      "bin",
      "client",
      "operator",
      "worker",
      "workflows",
      "activities",
      "cells",
      "platform",
      "core",
    ]) {
      for (const name of await readdir(join(root, room), { recursive: true }))
        if (name.endsWith(".ts") && ways.test(await readFile(join(root, room, name), "utf8")))
          found.push(`${room}/${name}`);
    }
    expect(found).toEqual(["platform/host/run-program.ts"]);
  });
});
