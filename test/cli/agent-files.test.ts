/** `kgents infra generate` and `kgents infra hook install`, in real git repositories. */
import { chmod, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type CommandLine, createCommandLine, type Ended } from "../support/command-line.ts";
import { kgentsEntry } from "../support/worker-process.ts";

let terminal: CommandLine;
beforeAll(async () => {
  terminal = await createCommandLine();
});
afterAll(() => terminal[Symbol.asyncDispose]());

const spec = (name: string, more = "") =>
  `---\ngenus: B\nname: ${name}\nentrypoint: agents.b.main\n${more}---\n# ${name}\n`;

let count = 0;
/** A directory with one spec, and the command line in it. */
async function project() {
  count += 1;
  const path = `project-${count}`;
  await terminal.file(`${path}/spec/agents/b-gent.md`, spec("B-gent"));
  const directory = join(terminal.directory, path);
  return {
    directory,
    file: (name: string, text: string) => terminal.file(`${path}/${name}`, text),
    infra: (...args: string[]) => terminal.run(["infra", ...args], { directory }),
  };
}

describe("generate", () => {
  test("prints Agents, writes them, and tells whether they are up to date", async () => {
    const { infra, file, directory } = await project();
    const printed = await infra("generate");
    expect(printed).toMatchObject({ code: 0, stderr: "" });
    expect(printed.stdout).toMatch(/^apiVersion: kgents\.io\/v1\nkind: Agent\nmetadata:\n {2}name: b-gent\n/);
    expect(await infra("generate", "--output", "out", "--check")).toMatchObject({
      code: 1,
      stdout: "",
      stderr:
        "kgents: out/b-gent.yaml: is missing\nkgents: run `kgents infra generate --output 'out'`, and commit the result\n",
    });
    expect(await infra("generate", "b", "--output", "out/")).toMatchObject({
      code: 0,
      stderr: "kgents: out/b-gent.yaml: written\n",
    });
    expect(await readFile(join(directory, "out/b-gent.yaml"), "utf8")).toContain("from ../spec/agents/b-gent.md.\n");
    expect(await infra("generate", "--all", "--output", "out", "--check")).toMatchObject({ code: 0, stderr: "" });
    await file("out/b-gent.yaml", "kind: Agent\n");
    expect(await infra("generate", "--output", "out")).toMatchObject({ code: 2 });
    expect(await readFile(join(directory, "out/b-gent.yaml"), "utf8")).toBe("kind: Agent\n");
  });

  test("reports every mistake on a line of its own, and as JSON", async () => {
    const { infra, file } = await project();
    await file("spec/agents/c.md", spec("c", "replicas: 11\nimage: python\n"));
    const { code, stdout, stderr } = await infra("generate", "--output", "out", "--json");
    expect(code).toBe(2);
    expect(stderr.split("\n")).toEqual([
      "spec/agents/c.md:5:11: replicas: got 11; allowed is a whole number from 0 to 10",
      expect.stringMatching(/^spec\/agents\/c\.md:6:8: image: got "python"; allowed is /),
      "kgents: 2 mistakes in 1 file; nothing was generated",
      "",
    ]);
    expect(JSON.parse(stdout).mistakes).toMatchObject([
      { file: "spec/agents/c.md", line: 5, column: 11, field: "replicas" },
      { line: 6, column: 8, field: "image" },
    ]);
  });

  test.each([
    [["--check"], /^kgents: --check: got no --output/],
    [["--staged"], /^kgents: --staged: got no --check/],
    [["b", "--all"], /^kgents: --all: got names of specs, too/],
    [["d-gent"], /^kgents: spec\/agents has no spec file for "d-gent" \(did you mean b-gent\?\)/],
  ])("%j is wrong usage", async (args, message) => {
    const { code, stderr } = await (await project()).infra("generate", ...args);
    expect(code).toBe(2);
    expect(stderr).toMatch(message);
  });
});

describe("hook install", () => {
  /** A repository whose generated files are committed, and `kgents` on the PATH of git. */
  async function repository() {
    const { directory, file, infra } = await project();
    const programs = join(terminal.directory, "programs");
    await mkdir(programs, { recursive: true });
    const program = join(programs, "kgents");
    await writeFile(program, `#!/bin/sh\nexec "${process.execPath}" "${kgentsEntry}" "$@"\n`);
    await chmod(program, 0o755);
    const environment = {
      PATH: `${programs}:${process.env.PATH}`,
      ...{ GIT_AUTHOR_NAME: "t", GIT_AUTHOR_EMAIL: "t@t", GIT_COMMITTER_NAME: "t", GIT_COMMITTER_EMAIL: "t@t" },
      ...{ GIT_CONFIG_GLOBAL: "/dev/null", GIT_CONFIG_SYSTEM: "/dev/null" },
    };
    const git = (args: string[], at = directory): Promise<Ended> =>
      terminal.program("git", args, { directory: at, environment });
    await git(["init", "--quiet", "."]);
    await infra("generate", "--output", "out");
    const install = (at = directory) =>
      terminal.run(["infra", "hook", "install", "--output", "out"], { directory: at });
    const commitAll = async (at = directory): Promise<Ended> => {
      await git(["add", "--all"], at);
      return git(["commit", "--quiet", "--message", "x"], at);
    };
    return { directory, file, infra, git, install, commitAll };
  }

  test("a commit with stale files is refused, and one in step is made", async () => {
    const { install, file, commitAll, infra } = await repository();
    expect((await install()).stderr).toMatch(/\/\.git\/hooks\/pre-commit: created; /);
    expect((await install()).stderr).toMatch(/: unchanged; /);
    expect(await commitAll()).toMatchObject({ code: 0, stderr: "" });
    await file("spec/agents/b-gent.md", spec("B-gent", "replicas: 3\n"));
    const refused = await commitAll();
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain("kgents: out/b-gent.yaml: differs from its spec file\n");
    await infra("generate", "--output", "out");
    expect(await commitAll()).toMatchObject({ code: 0 });
  });

  test("what is staged counts, not what the files say", async () => {
    const { install, file, git, commitAll, infra } = await repository();
    await install();
    await commitAll();
    // The spec is changed and generated, but only the spec is staged.
    await file("spec/agents/b-gent.md", spec("B-gent", "replicas: 3\n"));
    await infra("generate", "--output", "out");
    await git(["add", "spec"]);
    expect((await git(["commit", "--quiet", "--message", "half"])).code).toBe(1);
    await git(["add", "out"]);
    // A later change of the file is not staged, and does not count.
    await file("spec/agents/b-gent.md", spec("B-gent", "replicas: 99\n"));
    expect(await git(["commit", "--quiet", "--message", "whole"])).toMatchObject({ code: 0, stderr: "" });
    // `git commit FILE` makes a commit from an index of its own.
    await file("spec/agents/b-gent.md", spec("B-gent", "replicas: 4\n"));
    await infra("generate", "--output", "out");
    expect((await git(["commit", "--quiet", "--message", "one", "spec"])).code).toBe(1);
    expect((await git(["commit", "--quiet", "--message", "both", "spec", "out"])).code).toBe(0);
  });

  test("in a linked working tree", async () => {
    const { install, commitAll, git, directory } = await repository();
    await commitAll();
    const tree = `${directory}-tree`;
    await git(["worktree", "add", "--quiet", tree]);
    expect((await install(tree)).stderr).toContain(`${directory}/.git/hooks/pre-commit: created`);
    await writeFile(join(tree, "spec/agents/b-gent.md"), spec("B-gent", "replicas: 3\n"));
    expect((await commitAll(tree)).code).toBe(1);
    await terminal.run(["infra", "generate", "--output", "out"], { directory: tree });
    expect(await commitAll(tree)).toMatchObject({ code: 0, stderr: "" });
  });

  test("where core.hooksPath says, beside what is there", async () => {
    const { install, file, git, commitAll, directory } = await repository();
    await git(["config", "core.hooksPath", ".hooks"]);
    const path = await file(".hooks/pre-commit", "#!/usr/bin/env bash\ntouch ran\nexit 0\n");
    await chmod(path, 0o755);
    expect((await install()).stderr).toMatch(/\/\.hooks\/pre-commit: changed; /);
    await file("spec/agents/b-gent.md", spec("B-gent", "replicas: 3\n"));
    expect((await commitAll()).code).toBe(1);
    await terminal.run(["infra", "generate", "--output", "out"], { directory });
    expect((await commitAll()).code).toBe(0);
    expect(await readFile(join(directory, "ran"), "utf8")).toBe("");
  });

  test.each([
    ["#!/usr/bin/env python3\n", "it is not a shell script"],
    ["#!/bin/sh\n# <<< kgents\n", "only one of the two lines is left"],
  ])("a hook that is not known is refused: %j", async (text, why) => {
    const { install, file, directory } = await repository();
    await file(".git/hooks/pre-commit", text);
    const { code, stderr } = await install();
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining(why) });
    expect(await readFile(join(directory, ".git/hooks/pre-commit"), "utf8")).toBe(text);
  });

  test("hooks of other repositories, too, are not changed", async () => {
    const { install, git } = await repository();
    await git(["config", "core.hooksPath", join(terminal.directory, "shared-hooks")]);
    expect((await install()).stderr).toContain("a directory outside of this repository, which others may use, too");
  });

  test("outside of a repository", async () => {
    const { infra } = await project();
    expect(await infra("hook", "install", "--output", "out")).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/^kgents: git rev-parse: fatal: not a git repository/),
    });
  });
});
