/** Builds the node's programs from Go sources, and the images from this machine's package source. */
import { createRequire } from "node:module";
import { join } from "node:path";
import { cached, contentKey } from "../../support/cached.ts";
import { runOrFail } from "../../support/run.ts";
import { sourceDirectory } from "./paths.ts";

const version = "v1.34.2";
const stripped = "-s -w";

/** The artifacts that a node needs to start. */
export interface Build {
  /** `kube`, `tools` and `pause`. */
  readonly programs: string;
  /** `images.tar` and `slow-image.tar`. */
  readonly images: string;
}

export async function build(progress: (line: string) => void): Promise<Build> {
  const sources = join(sourceDirectory, "go");
  const goVersion = await runOrFail(["go", "env", "GOVERSION", "GOARCH"]);
  const programsKey = await contentKey([sources], [goVersion, version]);
  const programs = await cached(`programs-${programsKey}`, async (directory) => {
    progress("building Kubernetes from Go modules, once for this machine (about 7 minutes on 2 cores)");
    const compile = (name: string, flags: string, place: string, environment: NodeJS.ProcessEnv) =>
      runOrFail(["go", "build", "-trimpath", "-ldflags", flags, "-o", join(directory, name), place], {
        directory: sources,
        environment,
      });
    await compile("kube", `${stripped} -X k8s.io/component-base/version.gitVersion=${version}`, ".", {});
    await compile("tools", stripped, "./tools", { CGO_ENABLED: "0" });
    await compile("pause", stripped, "./pause", { CGO_ENABLED: "0" });
  });
  // Use the npm package's binary, not the running Node: its version matches the image's tag.
  const node = createRequire(import.meta.url).resolve("node/bin/node");
  const script = join(sourceDirectory, "images.sh");
  const images = await cached(
    `images-${await contentKey([script, node, join(programs, "tools"), join(programs, "pause")], [])}`,
    async (directory) => {
      progress("making the images with debootstrap, once for this machine (about 1 minute)");
      await runOrFail([script, directory, join(programs, "pause"), join(programs, "tools"), node]);
    },
  );
  return { programs, images };
}
