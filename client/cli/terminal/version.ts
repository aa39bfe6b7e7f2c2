import { readFile } from "node:fs/promises";

/** The version of this package, from the package.json two folders up: the root's for the sources, dist/package.json for the build. */
export async function version(): Promise<string> {
  const { version } = JSON.parse(await readFile(new URL("../../package.json", import.meta.url), "utf8"));
  return version;
}
