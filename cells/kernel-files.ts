import { readFile } from "node:fs/promises";
import { packageFile } from "#platform/host/package-files";

const read = new Map<string, Promise<string>>();

/** The content of a file of `cells/kernels`. It is read once. */
export function kernelFile(name: string): Promise<string> {
  const content = read.get(name) ?? readFile(packageFile(`cells/kernels/${name}`), "utf8");
  read.set(name, content);
  return content;
}
