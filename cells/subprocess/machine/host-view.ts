/**
 * Prepares what every sandbox sees of the machine: programs and libraries, and a generated /etc.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { copyFile, cp, lstat, mkdir, readdir, readlink, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { workDirectory } from "../sandbox/sandbox-paths.ts";
import { exists, prepareDirectory } from "./prepare-directory.ts";

const topDirectories = ["/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"];
const certificates = ["/etc/ssl/certs", "/etc/pki/tls/certs", "/etc/pki/ca-trust/extracted", "/etc/ssl/cert.pem"];

/** Arguments that show the directories of programs and libraries, as symbolic links or directories, as on the host. */
async function programDirectories(): Promise<string[]> {
  const found: string[] = ["--ro-bind", "/usr", "/usr"];
  for (const path of topDirectories) {
    const entry = await lstat(path).catch(() => undefined);
    if (entry?.isSymbolicLink()) found.push("--symlink", await readlink(path), path);
    else if (entry?.isDirectory()) found.push("--ro-bind", path, path);
  }
  if (await exists("/nix/store")) found.push("--ro-bind", "/nix/store", "/nix/store");
  return found;
}

const fixedFiles: Readonly<Record<string, string>> = {
  // Mount points for the run's own files.
  passwd: "",
  group: "",
  hosts: "127.0.0.1 localhost kgents\n",
  "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
  "resolv.conf": "",
  // Git refuses a repository that another user owns, and root owns the work directory if the worker is root.
  gitconfig: `[safe]\n\tdirectory = ${workDirectory}\n`,
};

/** The resolver that slirp4netns provides in the sandbox. */
const resolverWithNetwork = "nameserver 10.0.2.3\noptions timeout:2 attempts:2\n";

/** Increment when the files are generated differently, so that a directory of an earlier version is not reused. */
const formatOfEtc = 4;

const copiedFiles = ["ld.so.cache", "localtime"];

/** OpenSSL's configuration files in Debian and Fedora. Many of its commands fail without them, and others warn. */
const librarySettings = ["ssl/openssl.cnf", "pki/tls/openssl.cnf"];

/**
 * Configuration of programs in /usr that they link to or need to start. It comes from packages and is not specific to
 * this machine.
 */
const programSettings = /^(?:java(?:-\d[\w.-]*)?|python\d[\d.]*)$/;

const programDirectoriesOfEtc = async (): Promise<string[]> =>
  (await readdir("/etc")).filter((name) => programSettings.test(name)).sort();

/** Whether every user of the machine may read it. Symbolic links are excluded, because they could lead to anything. */
async function isOpen(path: string): Promise<boolean> {
  const status = await lstat(path);
  return (status.mode & 0o004) !== 0 && (status.isFile() || status.isDirectory());
}

async function stateOfHostFiles(): Promise<string> {
  const names = [...copiedFiles, ...librarySettings, "alternatives", ...(await programDirectoriesOfEtc())];
  const paths = names.map((name) => `/etc/${name}`);
  const found = await Promise.all(paths.map((path) => stat(path).catch(() => undefined)));
  return JSON.stringify([names, found.map((entry) => entry && [entry.mtimeMs, entry.size, entry.ino])]);
}

async function fillEtc(directory: string, network: boolean): Promise<void> {
  for (const [name, content] of Object.entries(fixedFiles)) await writeFile(join(directory, name), content);
  if (network) await writeFile(join(directory, "resolv.conf"), resolverWithNetwork);
  for (const name of copiedFiles) await copyFile(`/etc/${name}`, join(directory, name)).catch(() => {});
  await cp("/etc/alternatives", join(directory, "alternatives"), { recursive: true, verbatimSymlinks: true }).catch(
    () => {},
  );
  for (const name of await programDirectoriesOfEtc()) {
    await cp(`/etc/${name}`, join(directory, name), { recursive: true, filter: isOpen });
  }
  for (const name of librarySettings) {
    if (!(await isOpen(`/etc/${name}`).catch(() => false))) continue;
    await mkdir(join(directory, name, ".."), { recursive: true });
    await copyFile(`/etc/${name}`, join(directory, name));
  }
  // Mount points for the certificates, because /etc is read-only in the sandbox.
  for (const path of certificates) {
    if (!network || !(await exists(path))) continue;
    const place = join(directory, path.slice("/etc/".length));
    if ((await stat(path)).isDirectory()) await mkdir(place, { recursive: true });
    else {
      await mkdir(join(place, ".."), { recursive: true });
      await writeFile(place, "");
    }
  }
}

/**
 * Creates the directory that is shown as /etc, or finds an existing one. One mount replaces a dozen, which cost
 * bubblewrap about 0.1 ms each. It contains nothing of any run.
 */
async function prepareEtc(parent: string, network: boolean): Promise<string> {
  const version = createHash("sha256")
    .update(
      JSON.stringify([formatOfEtc, fixedFiles, resolverWithNetwork, certificates, network, await stateOfHostFiles()]),
    )
    .digest("hex");
  return prepareDirectory(parent, `etc-${version.slice(0, 16)}`, (directory) => fillEtc(directory, network));
}

/** The bubblewrap arguments that show the machine, without and with network. */
export interface HostView {
  readonly offline: readonly string[];
  readonly online: readonly string[];
}

/** Prepares the arguments for this machine. */
export async function prepareHostView(directory: string): Promise<HostView> {
  const programs = await programDirectories();
  const [offline, online] = await Promise.all([prepareEtc(directory, false), prepareEtc(directory, true)]);
  const trusted = certificates.flatMap((path) => ["--ro-bind-try", path, path]);
  return {
    offline: [...programs, "--ro-bind", offline, "/etc"],
    online: [...programs, "--ro-bind", online, "/etc", ...trusted],
  };
}
