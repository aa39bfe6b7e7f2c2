/**
 * Names every part that the tests need and this machine lacks, all at once and before anything runs. Installs Debian
 * packages itself as root.
 *
 * The sandbox itself and Temporal are installed by the product, as for its users.
 *
 * @module
 */
import { chooseProvider, isClusterOff } from "./cluster/choose.ts";
import { nodePackages } from "./cluster/native/packages.ts";
import { findChromium } from "./support/chromium.ts";
import { installPackages, isPresent, missingPackages } from "./support/debian-packages.ts";
import { isLeftOut } from "./support/left-out.ts";

/** Programs that tests of the sandbox and of the command line use, and the Debian packages that contain them. */
const localPackages = {
  slirp4netns: "slirp4netns",
  nft: "nftables",
  ip: "iproute2",
  setpriv: "util-linux",
  nsenter: "util-linux",
  python3: "python3",
  // For the completion scripts.
  zsh: "zsh",
  fish: "fish",
};

/** For the production stack. Debian does not put PostgreSQL on the PATH. */
const productionPackages = { "/usr/lib/postgresql/*/bin/postgres": "postgresql", openssl: "openssl" };

/** For the image of the workers, which is built from the Dockerfile without an engine. */
const imagePackages = { buildah: "buildah" };

const withCluster = !isClusterOff();
const withProduction = !isLeftOut("PRODUCTION");

/** The error that says what a cluster needs; undefined if there is a way to have one. */
async function clusterTrouble(): Promise<string | undefined> {
  return chooseProvider().then(
    () => undefined,
    (error: Error) => error.message,
  );
}

/** Whether the tests build the node of their cluster themselves. */
const buildsNode = withCluster && (await chooseProvider().catch(() => undefined))?.kind === "native";

const packages = missingPackages({
  ...localPackages,
  // Any Chromium or Chrome works.
  ...((await findChromium()) === undefined ? { chromium: "chromium" } : {}),
  ...(withProduction ? productionPackages : {}),
  ...(withCluster && withProduction ? imagePackages : {}),
  ...(buildsNode ? nodePackages : {}),
});

/** What no package manager can provide here, in sentences. */
const others = [
  withCluster ? await clusterTrouble() : undefined,
  withProduction && !isPresent("go")
    ? "Temporal's production server and the S3-compatible server are built from Go modules, and there is no `go`: install Go (https://go.dev/dl), or leave their tests out with KGENTS_TEST_PRODUCTION=off"
    : undefined,
].filter((trouble) => trouble !== undefined);

const isRoot = process.getuid?.() === 0;
const installs = packages.length > 0 && isRoot && isPresent("apt-get");
const command = `apt-get install ${packages.join(" ")}`;
if (installs) console.error(`tests: installing ${packages.join(", ")} (${command})`);
else if (packages.length > 0) {
  others.unshift(`these Debian packages are missing: ${packages.join(", ")}. Install them with \`sudo ${command}\``);
}
if (others.length > 0) {
  console.error("tests: this machine lacks parts that the tests need:");
  for (const trouble of others) console.error(`  - ${trouble.replaceAll("\n", "\n    ")}`);
  console.error("tests: the tests that need them fail.");
}
if (installs) installPackages(packages);
