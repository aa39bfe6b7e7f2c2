/**
 * Installs what the tests need and this machine lacks, with a message: packages by apt, only as root.
 *
 * The sandbox itself and Temporal are installed by the product, as for its users.
 *
 * @module
 */
import { findChromium } from "./support/chromium.ts";
import { installPackages, missingPackages } from "./support/debian-packages.ts";
import { isLeftOut } from "./support/left-out.ts";

/** For the production stack. Debian does not put PostgreSQL on the PATH. */
const productionPackages = { "/usr/lib/postgresql/*/bin/postgres": "postgresql", openssl: "openssl" };

/** Programs that tests use, and the Debian packages that contain them. */
const needed: Readonly<Record<string, string>> = {
  slirp4netns: "slirp4netns",
  nft: "nftables",
  ip: "iproute2",
  setpriv: "util-linux",
  nsenter: "util-linux",
  // For the completion scripts.
  zsh: "zsh",
  fish: "fish",
  // For tests of the Temporal UI; any Chromium or Chrome works.
  ...((await findChromium()) === undefined ? { chromium: "chromium" } : {}),
  ...(isLeftOut("PRODUCTION") ? {} : productionPackages),
};

const missing = missingPackages(needed);
if (missing.length > 0) {
  const command = `apt-get install ${missing.join(" ")}`;
  if (process.getuid?.() !== 0) {
    console.error(`tests: these packages are missing, and only root can install them: ${missing.join(", ")}`);
    console.error(`tests: run \`sudo ${command}\`; the tests that need them fail without.`);
  } else {
    console.error(`tests: installing ${missing.join(", ")} (${command})`);
    installPackages(missing);
  }
}
