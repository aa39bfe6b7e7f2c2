import { randomUUID } from "node:crypto";
import { link, mkdir, readFile, unlink, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { errorCode } from "./error-code.ts";

/** Reads the random id that a file keeps, or makes it; of two processes that make it at once, both read the one that stays. */
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
