import { execFileSync } from "node:child_process";
import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { loadConfiguration } from "#platform/host/configuration-file";

let directory: string;
let own: string;
let project: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "kgents-configuration-"));
  own = join(directory, "config/kgents/kgents.config.yaml");
  project = join(directory, "project/kgents.config.yaml");
  for (const file of [own, project]) await mkdir(join(file, ".."), { recursive: true });
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const load = (options: { path?: string } = {}, environment: NodeJS.ProcessEnv = {}) =>
  loadConfiguration({
    ...options,
    directory: join(project, ".."),
    environment: { XDG_CONFIG_HOME: join(directory, "config"), ...environment },
  });

describe("the file of the working directory", () => {
  test("lies over the user's own, which holds; no worker is given anything of it", async () => {
    await writeFile(own, "worker: { network: false }\ndefaults: { cpu: 2 }\n");
    await writeFile(project, "defaults: { timeout: 5 }\n");
    const loaded = await load();
    expect(loaded).toMatchObject({ path: own, projectPath: project });
    expect(loaded.configuration).toMatchObject({ worker: { network: false }, defaults: { cpu: 2, timeout: 5 } });
    expect(JSON.parse(loaded.text)).toEqual({ worker: { network: false }, defaults: { cpu: 2 } });
  });

  test("is not looked at where another one is named", async () => {
    await writeFile(project, "worker: { unsandboxed: true }\n");
    await expect(load()).rejects.toMatchObject({
      code: "invalid-configuration",
      message: expect.stringContaining(`${project}: worker: not allowed in a file of the working directory`),
      remedy: `Correct it, move what is named to ${own}, or name the file with --config or KGENTS_CONFIG.`,
    });
    for (const loaded of [load({ path: project }), load({}, { KGENTS_CONFIG: project })]) {
      expect(await loaded).toMatchObject({
        path: project,
        projectPath: null,
        configuration: { worker: { unsandboxed: true } },
      });
    }
  });

  const odd: [string, () => unknown, RegExp][] = [
    ["a FIFO", () => execFileSync("mkfifo", [project]), /it is not a file/],
    ["an endless device", () => symlink("/dev/zero", project), /it is not a file/],
    ["a directory", () => mkdir(project), /it is not a file/],
    [
      "larger than any configuration",
      () => writeFile(project, "#".repeat(1_048_577)),
      /1048577 bytes; allowed are 1048576/,
    ],
  ];
  test.each(odd)("is refused where it is %s", async (_, make, message) => {
    await make();
    await expect(load()).rejects.toMatchObject({
      code: "invalid-configuration",
      message: expect.stringMatching(message),
    });
  });
});

describe("the user's own file", () => {
  test.each([
    ["it", "config/kgents/kgents.config.yaml", 0o666],
    ["its directory", "config/kgents", 0o777],
    ["a directory above it", "config", 0o777],
  ])("is refused where every user can write %s", async (_, name, mode) => {
    await writeFile(own, "worker: { unsandboxed: true }\n");
    await chmod(join(directory, name), mode);
    await expect(load()).rejects.toMatchObject({
      code: "invalid-configuration",
      message: `${own} is not used: ${join(directory, name)} can be written by every user`,
      remedy: expect.stringContaining("chmod go-w"),
    });
  });

  test("means relative paths from its own place", async () => {
    await writeFile(own, "artifacts: { directory: ../store }\nretention: 1d\n");
    const { configuration, text } = await load();
    expect(configuration.artifacts.directory).toBe(join(directory, "config/store"));
    expect(JSON.parse(text)).toEqual({ artifacts: { directory: join(directory, "config/store") }, retention: "1d" });
  });
});
