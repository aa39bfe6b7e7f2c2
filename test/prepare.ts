/**
 * Installs what the tests need and this machine has not, saying so: packages by apt, and only as root.
 *
 * The sandbox itself and Temporal are installed by the product, as it does it for its users.
 *
 * @module
 */
import { execFileSync } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

/** Programs that tests use, and the Debian packages that have them. */
const needed: Readonly<Record<string, string>> = {
  slirp4netns: "slirp4netns",
  nft: "nftables",
  ip: "iproute2",
  setpriv: "util-linux",
  nsenter: "util-linux",
};

const isOnPath = (program: string): boolean =>
  [...(process.env.PATH ?? "").split(delimiter), "/usr/sbin", "/sbin"].some((directory) => {
    try {
      accessSync(join(directory, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });

const missing = [
  ...new Set(
    Object.entries(needed)
      .filter(([program]) => !isOnPath(program))
      .map(([, name]) => name),
  ),
];
if (missing.length > 0) {
  const command = `apt-get install ${missing.join(" ")}`;
  if (process.getuid?.() !== 0) {
    console.error(`tests: these packages are missing, and only root can install them: ${missing.join(", ")}`);
    console.error(`tests: run \`sudo ${command}\`; the tests that need them fail without.`);
  } else {
    console.error(`tests: installing ${missing.join(", ")} (${command})`);
    const quiet = { stdio: ["ignore", "ignore", "inherit"] as ["ignore", "ignore", "inherit"] };
    const environment = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
    execFileSync("apt-get", ["update", "-qq"], { ...quiet, env: environment });
    execFileSync("apt-get", ["install", "-qq", "-y", "--no-install-recommends", ...missing], {
      ...quiet,
      env: environment,
    });
  }
}
