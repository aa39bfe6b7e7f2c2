/** The workers' image, from the repository's Dockerfile, for a node without access to a registry. */
import { readdir, readFile, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { cached, contentKey } from "../../support/cached.ts";
import { installPackages, missingPackages } from "../../support/debian-packages.ts";
import { runOrFail } from "../../support/run.ts";
import { root } from "../compose-file.ts";

const script = fileURLToPath(new URL("./image.sh", import.meta.url));
const keptMilliseconds = 3_600_000;

/**
 * Builds it, unless it was already built from the same content.
 *
 * @param nodeImages the archive of the test cluster's own images; one of them replaces the base image
 * @param tag its name in the archive
 * @returns the path of an archive in the format of `docker save`
 */
export async function buildWorkerImage(nodeImages: string, tag: string): Promise<string> {
  const packages = missingPackages({ buildah: "buildah" });
  if (packages.length > 0) installPackages(packages);
  // All files that the Dockerfile can use, and those that build the image.
  const seen = (await readFile(join(root, ".dockerignore"), "utf8"))
    .split("\n")
    .filter((line) => line.startsWith("!"))
    .map((line) => join(root, line.slice(1)));
  const key = await contentKey([...seen, join(root, "Dockerfile"), script], [nodeImages, tag]);
  const directory = await cached(`worker-image-${key}`, async (draft) => {
    process.stderr.write("tests: building the workers' image from the Dockerfile (about 1 minute)\n");
    await runOrFail([script, root, nodeImages, tag, join(draft, "image.tar")]);
  });
  await forgetOthers(directory);
  return join(directory, "image.tar");
}

/** Each change of a source creates another one of some hundred MB. */
async function forgetOthers(directory: string): Promise<void> {
  const cache = dirname(directory);
  for (const name of await readdir(cache)) {
    const path = join(cache, name);
    if (path === directory || !/^worker-image-[0-9a-f]+$/.test(name)) continue;
    // The tests of another checkout may be using it.
    const { mtimeMs } = await stat(path);
    if (Date.now() - mtimeMs > keptMilliseconds) await rm(path, { recursive: true, force: true });
  }
}
