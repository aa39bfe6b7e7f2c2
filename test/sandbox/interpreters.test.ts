/** The interpreter is found where people keep theirs. */
import { execFileSync } from "node:child_process";
import { chmod, cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { everyone, startWorker } from "./helpers/worker.ts";

const question = "import sys, json, ssl\nprint(sys.executable, sys.prefix)";

describe.each(everyone)("interpreters, as %s", (who) => {
  let home: string;
  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), "kgents-home-"));
    await chmod(home, 0o755);
  });
  afterAll(() => rm(home, { recursive: true, force: true }));

  const prefixOf = async (bin: string): Promise<{ stdout: string; error: unknown }> => {
    const worker = await startWorker(who, { path: `${bin}:/usr/bin:/bin` });
    const { stdout, error } = await worker.run({ code: question, cpu: 1 });
    await worker.close();
    return { stdout: stdout.toString().trim(), error };
  };

  test("the system's", async () => {
    expect(await prefixOf("/nowhere")).toEqual({ stdout: "/usr/bin/python3 /usr", error: null });
  });

  test("a virtual environment in a home directory", async () => {
    execFileSync("/usr/bin/python3", ["-m", "venv", "--without-pip", join(home, "project/.venv")]);
    const prefix = join(home, "project/.venv");
    expect(await prefixOf(join(prefix, "bin"))).toEqual({ stdout: `${prefix}/bin/python3 ${prefix}`, error: null });
  });

  test("a shim that leads to an installation in a home directory, as pyenv has it", async () => {
    const version = join(home, ".pyenv/versions/3.x");
    const real = execFileSync("/usr/bin/python3", ["-c", "import sys; print('%d.%d' % sys.version_info[:2])"])
      .toString()
      .trim();
    await mkdir(join(version, "bin"), { recursive: true });
    await mkdir(join(version, "lib"), { recursive: true });
    await cp(`/usr/bin/python${real}`, join(version, "bin/python3"));
    await cp(`/usr/lib/python${real}`, join(version, "lib", `python${real}`), { recursive: true });
    const shims = join(home, ".pyenv/shims");
    await mkdir(shims, { recursive: true });
    await writeFile(join(shims, "python3"), `#!/usr/bin/env bash\nexec ${version}/bin/python3 "$@"\n`, { mode: 0o755 });
    expect(await prefixOf(shims)).toEqual({ stdout: `${version}/bin/python3 ${version}`, error: null });
  });

  test("the rest of the home directory stays hidden", async () => {
    await writeFile(join(home, "secret"), "x");
    const worker = await startWorker(who, { path: `${join(home, "project/.venv/bin")}:/usr/bin:/bin` });
    const { stdout } = await worker.run({ code: `import os\nprint(os.listdir(${JSON.stringify(home)}))` });
    expect(stdout.toString()).toBe("['project']\n");
    await worker.close();
  });

  test("node is the worker's own", async () => {
    const worker = await startWorker(who, { path: "/usr/bin:/bin" });
    const { stdout } = await worker.run({ code: "console.log(process.version)", language: "js" });
    expect(stdout.toString().trim()).toBe(process.version);
    await worker.close();
  });
});
