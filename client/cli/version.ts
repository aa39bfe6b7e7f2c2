import { readFile } from "node:fs/promises";

/** The version of this package, from its package.json: two folders up in the sources, three when built. */
export async function version(): Promise<string> {
  for (const path of ["../../package.json", "../../../package.json"]) {
    const text = await readFile(new URL(path, import.meta.url), "utf8").catch(() => undefined);
    if (text !== undefined) return (JSON.parse(text) as { version: string }).version;
  }
  throw new Error("kgents' own package.json is missing");
}
