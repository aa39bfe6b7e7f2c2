import { execFileSync } from "node:child_process";
import { chmod, mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { bubblewrapPackage } from "#cells/subprocess/machine/find-bubblewrap";
import { findSystemTool } from "#platform/host/find-program";
import { installPinnedTool } from "#platform/host/pinned-tool";

/** In the checkout, where every user of this machine can read it. */
const cacheDirectory = fileURLToPath(new URL("../../../node_modules/.cache/kgents-tests", import.meta.url));

const say = (line: string): void => void process.stderr.write(`tests: ${line}\n`);

/**
 * The pinned bubblewrap, installed as the product does it, but readable by the ordinary user that root runs tests as.
 */
export async function testBubblewrap(): Promise<string> {
  for (const path of [dirname(cacheDirectory), cacheDirectory, join(cacheDirectory, "tools")]) {
    await mkdir(path, { recursive: true });
    await chmod(path, 0o755);
  }
  return installPinnedTool(bubblewrapPackage, { cacheDirectory, log: say });
}

const packages: Readonly<Record<string, string>> = { slirp4netns: "slirp4netns", nft: "nftables", ip: "iproute2" };

/** Installs system packages that tests need, with a message. Only as root. */
export async function ensureSystemTools(...tools: readonly string[]): Promise<void> {
  const missing: string[] = [];
  for (const name of tools) if ((await findSystemTool(name)) === undefined) missing.push(packages[name] ?? name);
  if (missing.length === 0) return;
  say(`installing ${missing.join(", ")} with apt-get`);
  execFileSync("apt-get", ["install", "-y", "-qq", ...missing], { stdio: ["ignore", "ignore", "inherit"] });
}

export const isRoot = process.geteuid?.() === 0;
