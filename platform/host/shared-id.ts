import { randomUUID } from "node:crypto";
import { link, mkdir, readFile, unlink, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { errorCode } from "./error-code.ts";

/** Reads the random id in a file, or creates it. If two processes create it at once, both return the same id. */
export async function sharedId(path: string): Promise<string> {
  const read = async (): Promise<string> => (await readFile(path, "utf8")).trim();
  try {
    return await read();
  } catch (error) {
    if (errorCode(error) !== "ENOENT") throw error;
  }
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const draft = `${path}.${randomUUID()}`;
  await writeFile(draft, `${randomUUID()}\n`, { mode: 0o600 });
  await link(draft, path).catch((error) => {
    if (errorCode(error) !== "EEXIST") throw error;
  });
  await unlink(draft);
  return read();
}
