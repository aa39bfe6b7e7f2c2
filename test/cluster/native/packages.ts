/** The Debian packages that the node needs: installed only as root, and saying so. */
import { installPackages, missingPackages } from "../../support/debian-packages.ts";

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

/** Installs what the node needs and this machine has not. */
export function ensurePackages(progress: (line: string) => void): void {
  const missing = missingPackages(needed);
  if (missing.length === 0) return;
  progress(`installing Debian packages: ${missing.join(" ")}`);
  installPackages(missing);
}
