/** A small disk: a tmpfs, which only root can mount. */
import { execFile } from "node:child_process";
import { mkdtemp, rm, rmdir, statfs, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

export const canMount = process.getuid?.() === 0;

export interface SmallDisk extends AsyncDisposable {
  readonly directory: string;
  /** Fills it until the given number of bytes is free. */
  readonly fill: (left?: number) => Promise<void>;
  /** Removes what filled it. */
  readonly empty: () => Promise<void>;
}

export async function mountSmallDisk(bytes: number): Promise<SmallDisk> {
  const directory = await mkdtemp(join(tmpdir(), "kgents-disk-"));
  await run("mount", ["-t", "tmpfs", "-o", `size=${bytes},mode=700`, "kgents-test", directory]);
  const filler = join(directory, "filler");
  return {
    directory,
    fill: async (left = 0) => {
      const { bavail, bsize } = await statfs(directory);
      await writeFile(filler, Buffer.alloc(bavail * bsize - left), { flag: "a" });
    },
    empty: () => rm(filler, { force: true }),
    [Symbol.asyncDispose]: async () => {
      await run("umount", ["--lazy", directory]);
      await rmdir(directory);
    },
  };
}
