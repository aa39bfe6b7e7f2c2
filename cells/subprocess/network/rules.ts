/**
 * The firewall in a sandbox with network: the addresses that the code may not reach.
 *
 * @module
 */
import { rangeHolds, specialRanges4 } from "#core/manifest/special-addresses";

/** The resolver that slirp4netns provides. */
const resolver = "10.0.2.3";

// Reject rather than drop: a dropped connection hangs until its time-out.
const refuse = "reject with icmpx admin-prohibited";

/** A route without a gateway that is shorter than this is a default route or half of one, into a tunnel or a modem. */
const shortestOnLink = 8;

/**
 * The machine's own addresses, and the IPv4 networks that it reaches without a gateway, in all routing tables. Pure.
 *
 * @param fibTrie the text of `/proc/net/fib_trie`
 */
export function hostNetworks(fibTrie: string): string[] {
  const found = new Set<string>();
  let address = "";
  for (const line of fibTrie.split("\n")) {
    address = /^\s*\|-- ([\d.]+)$/.exec(line)?.[1] ?? address;
    const [, length, scope, type] = /^\s*\/(\d+) (\w+) ([A-Z]+)/.exec(line) ?? [];
    const onLink = scope === "link" && type === "UNICAST" && Number(length) >= shortestOnLink;
    if (onLink || type === "LOCAL") found.add(length === "32" ? address : `${address}/${length}`);
  }
  return [...found];
}

/**
 * The special ranges, plus the machine's own networks outside of them. nft prints a single address without its prefix
 * length.
 */
const closedRanges = (ownNetworks: readonly string[]): string[] => [
  ...specialRanges4.map(({ range }) => range.replace(/\/32$/, "")),
  ...ownNetworks.filter((network) => !specialRanges4.some(({ range }) => rangeHolds(range, network))),
];

/** The rules of the chain, each as nft prints it, so that the active rules can be compared with these. */
export const outputRules = (ownNetworks: readonly string[]): string[] => [
  "type filter hook output priority filter; policy drop;",
  'oifname "lo" accept',
  `meta nfproto ipv6 ${refuse}`,
  `ip daddr ${resolver} udp dport 53 accept`,
  `ip daddr ${resolver} tcp dport 53 accept`,
  ...closedRanges(ownNetworks).map((range) => `ip daddr ${range} ${refuse}`),
  "accept",
];

const table = "inet kgents";
const chain = "output";

/** The rules as a script for `nft -f -`. */
export const rulesScript = (rules: readonly string[]): string =>
  `table ${table} {\n\tchain ${chain} {\n${rules.map((rule) => `\t\t${rule}\n`).join("")}\t}\n}\n`;

/** Whether the output of `nft list ruleset` is exactly these rules. */
export function rulesInForce(printed: string, rules: readonly string[]): boolean {
  const lines = (text: string): string[] =>
    text
      .split("\n")
      .map((line) => line.trim())
      .filter(Boolean);
  return JSON.stringify(lines(printed)) === JSON.stringify(lines(rulesScript(rules)));
}
