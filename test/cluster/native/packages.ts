/** The Debian packages that the node needs: installed only as root, and saying so. */
import { access } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { runOrFail } from "./run.ts";

/** A file or a program that shows a package to be there. */
const needed: Readonly<Record<string, string>> = {
  containerd: "containerd",
  runc: "runc",
  "/usr/lib/cni/ptp": "containernetworking-plugins",
  iptables: "iptables",
  nft: "nftables",
  ip: "iproute2",
  conntrack: "conntrack",
  ethtool: "ethtool",
  socat: "socat",
  debootstrap: "debootstrap",
  openssl: "openssl",
  busybox: "busybox-static",
  nsenter: "util-linux",
};

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

async function isPresent(name: string): Promise<boolean> {
  if (name.startsWith("/")) return exists(name);
  const directories = [...(process.env.PATH ?? "").split(delimiter), "/usr/sbin", "/sbin"];
  return (await Promise.all(directories.map((directory) => exists(join(directory, name))))).includes(true);
}

export async function installPackages(progress: (line: string) => void): Promise<void> {
  const present = await Promise.all(Object.keys(needed).map(isPresent));
  const missing = Object.values(needed).filter((_, index) => !present[index]);
  if (missing.length === 0) return;
  const command = ["apt-get", "install", "-qq", "-y", "--no-install-recommends", ...missing] as const;
  progress(`installing Debian packages: ${command.join(" ")}`);
  const environment = { DEBIAN_FRONTEND: "noninteractive" };
  await runOrFail(["apt-get", "update", "-qq"], { environment });
  await runOrFail([...command], { environment });
}
