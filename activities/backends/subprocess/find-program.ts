import { constants } from "node:fs";
import { access, stat } from "node:fs/promises";
import { delimiter, isAbsolute, join } from "node:path";

/** Where system tools live that an ordinary user's PATH may leave out. */
const systemDirectories = ["/usr/local/sbin", "/usr/sbin", "/sbin", "/usr/local/bin", "/usr/bin", "/bin"];

async function isExecutable(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return (await stat(path)).isFile();
  } catch {
    return false;
  }
}

/** Finds a program as a shell would; undefined where there is none. */
export async function findProgram(name: string, path = process.env.PATH ?? ""): Promise<string | undefined> {
  if (name.includes("/")) return (await isExecutable(name)) ? name : undefined;
  for (const directory of path.split(delimiter)) {
    // A relative entry would make the answer depend on where the worker was started.
    if (isAbsolute(directory) && (await isExecutable(join(directory, name)))) return join(directory, name);
  }
  return undefined;
}

/** Finds a tool of the system, on PATH or where distributions put such tools. */
export const findSystemTool = (name: string): Promise<string | undefined> =>
  findProgram(name, [process.env.PATH ?? "", ...systemDirectories].join(delimiter));
