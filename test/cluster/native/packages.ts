/** The Debian packages that the node needs. Installed only as root, with a message. */
import { installPackages, missingPackages } from "../../support/debian-packages.ts";

/** The packages of the node, each by a file or program that shows that it is installed. */
export const nodePackages: Readonly<Record<string, string>> = {
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

/** Installs missing packages that the node needs. */
export function ensurePackages(progress: (line: string) => void): void {
  const missing = missingPackages(nodePackages);
  if (missing.length === 0) return;
  progress(`installing Debian packages: ${missing.join(" ")}`);
  installPackages(missing);
}
