/** The /etc that every sandbox sees. */
import { lstat, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { prepareHostView } from "#cells/subprocess/machine/host-view";

const settings = /^(?:java(?:-|$)|python\d)/;
/** Directories of which one file is visible. */
const ofLibraries: Readonly<Record<string, string>> = { ssl: "ssl/openssl.cnf", pki: "pki/tls/openssl.cnf" };
const ofOurOwn = [
  "alternatives",
  "gitconfig",
  "group",
  "hosts",
  "ld.so.cache",
  "localtime",
  "nsswitch.conf",
  "passwd",
  "resolv.conf",
];

async function files(directory: string): Promise<string[]> {
  const found = await readdir(directory, { recursive: true, withFileTypes: true });
  return found.filter((entry) => !entry.isDirectory()).map((entry) => join(entry.parentPath, entry.name));
}

test("has the settings of programs below /usr that all may read, and nothing of the machine", async () => {
  const directory = await mkdtemp(join(tmpdir(), "kgents-etc-"));
  try {
    const { offline } = await prepareHostView(directory);
    const etc = offline[offline.indexOf("/etc") - 1] ?? "";
    const names = await readdir(etc);
    const others = names.filter((name) => !ofOurOwn.includes(name));
    expect(others.every((name) => settings.test(name) || name in ofLibraries)).toBe(true);
    for (const [name, file] of Object.entries(ofLibraries).filter(([name]) => others.includes(name))) {
      expect(await files(join(etc, name))).toEqual([join(etc, file)]);
      expect(await readFile(join(etc, file), "utf8")).toBe(await readFile(join("/etc", file), "utf8"));
    }
    const wanted = (await readdir("/etc")).filter((name) => settings.test(name));
    expect(others).toEqual(expect.arrayContaining(wanted));
    for (const name of wanted) {
      for (const file of await readdir(join("/etc", name), { recursive: true })) {
        const status = await lstat(join("/etc", name, file));
        const copied = readFile(join(etc, name, file));
        if (status.isDirectory()) await copied.catch(() => {});
        else if (status.isFile() && (status.mode & 0o004) !== 0)
          expect((await copied).equals(await readFile(join("/etc", name, file)))).toBe(true);
        else await expect(copied).rejects.toThrow(/ENOENT/);
      }
    }
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});
