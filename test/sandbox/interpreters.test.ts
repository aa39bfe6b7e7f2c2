/** The interpreter is found in the places where users install it. */
import { execFileSync } from "node:child_process";
import { chmod, cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { everyone, startWorker } from "./helpers/worker.ts";

const question = "import sys, json, ssl\nprint(sys.executable, sys.prefix)";

/** A separate installation of Python. */
async function installPython(prefix: string): Promise<string> {
  const program = "import sys; print('%d.%d' % sys.version_info[:2])";
  const version = execFileSync("/usr/bin/python3", ["-c", program]).toString().trim();
  const executable = join(prefix, "bin/python3");
  for (const name of ["bin", "lib"]) await mkdir(join(prefix, name), { recursive: true });
  await cp(`/usr/bin/python${version}`, executable);
  // A link to modules in /usr would not be a separate installation. Without tests and caches, they are small.
  const filter = (source: string): boolean => !/\/(?:test|__pycache__|idlelib|lib2to3)$/.test(source);
  await cp(`/usr/lib/python${version}`, join(prefix, "lib", `python${version}`), { recursive: true, filter });
  return executable;
}

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
    await installPython(version);
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

  /** A worker with this home directory, and with Python in the given directory. */
  const workerWith = (directory: string) =>
    startWorker(who, { path: `${directory}:/usr/bin:/bin`, environment: { HOME: home } });

  test("a Python in ~/.local shows its library directories, and nothing beside them", async () => {
    const local = join(home, ".local");
    await installPython(local);
    await mkdir(join(local, "share/keyrings"), { recursive: true });
    await writeFile(join(local, "share/keyrings/login.keyring"), "secret");
    await writeFile(join(local, "bin/other"), "#!/bin/sh\n", { mode: 0o755 });
    const worker = await workerWith(join(local, "bin"));
    const code = `import os, sys, json\nprint(sys.prefix, sorted(os.listdir(${JSON.stringify(local)})), os.listdir(${JSON.stringify(`${local}/bin`)}))`;
    const { stdout } = await worker.run({ code, cpu: 1 });
    expect(stdout.toString()).toBe(`${local} ['bin', 'lib'] ['python3']\n`);
    await worker.close();
  });

  test("a link beside a virtual environment's libraries shows nothing of what it leads to", async () => {
    const prefix = join(home, "hostile/.venv");
    await mkdir(join(home, "private/python3"), { recursive: true });
    await writeFile(join(home, "private/python3/key"), "secret");
    await mkdir(join(prefix, "bin"), { recursive: true });
    await symlink(join(home, "private"), join(prefix, "lib"));
    await symlink(join(home, "private/python3/key"), join(prefix, "pyvenv.cfg"));
    await symlink("/usr/bin/python3", join(prefix, "bin/python3"));
    const worker = await workerWith(join(prefix, "bin"));
    const code = `import os, sys\nprint(sys.executable[:8], os.path.exists(${JSON.stringify(join(home, "private"))}), os.path.exists(${JSON.stringify(join(prefix, "lib"))}))`;
    const { stdout } = await worker.run({ code, cpu: 1 });
    expect(stdout.toString()).toBe("/usr/bin False False\n");
    await worker.close();
  });

  test("what stands for Python is asked in a cell, never outside", async () => {
    const place = join(home, "tools");
    await mkdir(place, { mode: 0o777 });
    await chmod(place, 0o777);
    const answer = `{"executable": "/bin/sh", "stdlib": "/"}`;
    const script = `#!/bin/sh\n(: >${place}/ran) 2>/dev/null\necho '${answer}'\nexit 3\n`;
    await writeFile(join(place, "python3"), script, { mode: 0o755 });
    const worker = await workerWith(place);
    const { error } = await worker.run({ code: "print(1)", cpu: 1 });
    expect(error).toMatchObject({
      code: "interpreter-missing",
      message: `python: ${place}/python3 does not work: it ended with exit code 3`,
    });
    expect(await readdir(place)).toEqual(["python3"]);
    await worker.close();
  });

  test("a library that only LD_LIBRARY_PATH would find is named before anything runs", async () => {
    const prefix = join(home, "lost");
    const executable = await installPython(prefix);
    const bytes = await readFile(executable);
    const at = bytes.indexOf("libz.so.1\0");
    bytes.write("libq.so.1", at, "latin1");
    await writeFile(executable, bytes);
    const worker = await workerWith(join(prefix, "bin"));
    const { error } = await worker.run({ code: "print(1)", cpu: 1 });
    expect(error).toMatchObject({
      code: "interpreter-missing",
      message: `python: ${executable} does not work: ${executable} needs libq.so.1, which is neither where it says nor among the system's libraries (a cell gets no LD_LIBRARY_PATH)`,
    });
    await worker.close();
  });

  test("node is the worker's own", async () => {
    const worker = await startWorker(who, { path: "/usr/bin:/bin" });
    const { stdout } = await worker.run({ code: "console.log(process.version)", language: "js" });
    expect(stdout.toString().trim()).toBe(process.version);
    await worker.close();
  });
});
