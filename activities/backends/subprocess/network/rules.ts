/**
 * The firewall inside a sandbox with network: which addresses the code may not reach.
 *
 * @module
 */
import type { NetworkInterfaceInfo } from "node:os";

/** The resolver that slirp4netns offers. */
const resolver = "10.0.2.3";

/** Addresses that are not public: this machine, private networks, link-local (cloud metadata), benchmarks, multicast. */
export const closedRanges = [
  "0.0.0.0/8",
  "10.0.0.0/8",
  "100.64.0.0/10",
  "127.0.0.0/8",
  "169.254.0.0/16",
  "172.16.0.0/12",
  "192.0.0.0/24",
  "192.168.0.0/16",
  "198.18.0.0/15",
  "224.0.0.0/4",
  "240.0.0.0/4",
];

// Refused and not dropped: a dropped connection hangs until its time-out.
const refuse = "reject with icmpx admin-prohibited";

/** The IPv4 addresses of a machine. */
export const ownAddresses = (
  interfaces: Readonly<Record<string, readonly NetworkInterfaceInfo[] | undefined>>,
): string[] => [
  ...new Set(
    Object.values(interfaces).flatMap((list) =>
      (list ?? []).filter(({ family }) => family === "IPv4").map(({ address }) => address),
    ),
  ),
];

/** The rules of the chain, each as nft prints it, so that what is in force can be compared with what was meant. */
export const outputRules = (hostAddresses: readonly string[]): string[] => [
  "type filter hook output priority filter; policy drop;",
  'oifname "lo" accept',
  `meta nfproto ipv6 ${refuse}`,
  `ip daddr ${resolver} udp dport 53 accept`,
  `ip daddr ${resolver} tcp dport 53 accept`,
  ...[...closedRanges, ...hostAddresses].map((range) => `ip daddr ${range} ${refuse}`),
  "accept",
];

const table = "inet kgents";
const chain = "output";

/** The rules as a script for `nft -f -`. */
export const rulesScript = (rules: readonly string[]): string =>
  `table ${table} {\n\tchain ${chain} {\n${rules.map((rule) => `\t\t${rule}\n`).join("")}\t}\n}\n`;

/** Whether what `nft list ruleset` printed is these rules and nothing else. */
export function rulesInForce(printed: string, rules: readonly string[]): boolean {
  const lines = (text: string): string[] =>
    text
      .split("\n")
      .map((line) => line.trim())
      .filter(Boolean);
  return JSON.stringify(lines(printed)) === JSON.stringify(lines(rulesScript(rules)));
}
