/**
 * Addresses that code with network access must not reach. Shared by the firewall of the local sandbox and the
 * NetworkPolicy of deploy/.
 *
 * @module
 */

/** A range of addresses in CIDR notation, and its use. */
export interface SpecialRange {
  readonly range: string;
  readonly use: string;
}

/**
 * IPv4 addresses that are not globally routable unicast: every entry of IANA's IPv4 Special-Purpose Address Registry
 * (entries inside another are omitted), IANA's multicast space, and addresses of cloud providers' host services.
 */
export const specialRanges4: readonly SpecialRange[] = [
  { range: "0.0.0.0/8", use: "this network (RFC 791)" },
  { range: "10.0.0.0/8", use: "private use (RFC 1918)" },
  { range: "100.64.0.0/10", use: "shared address space of carriers (RFC 6598)" },
  { range: "127.0.0.0/8", use: "loopback (RFC 1122)" },
  // A public address, but on Azure it is the virtual machine's host: DHCP, DNS, the agent's configuration.
  { range: "168.63.129.16/32", use: "Azure's host of each virtual machine" },
  { range: "169.254.0.0/16", use: "link-local (RFC 3927): the metadata service of clouds" },
  { range: "172.16.0.0/12", use: "private use (RFC 1918)" },
  { range: "192.0.0.0/24", use: "IETF protocol assignments (RFC 6890): the metadata service of Oracle's cloud" },
  { range: "192.0.2.0/24", use: "documentation (RFC 5737)" },
  { range: "192.31.196.0/24", use: "AS112-v4 (RFC 7535)" },
  { range: "192.52.193.0/24", use: "automatic multicast tunnelling (RFC 7450)" },
  { range: "192.88.99.0/24", use: "6to4 relay anycast, deprecated (RFC 7526)" },
  { range: "192.168.0.0/16", use: "private use (RFC 1918)" },
  { range: "192.175.48.0/24", use: "direct delegation AS112 service (RFC 7534)" },
  { range: "198.18.0.0/15", use: "benchmarking (RFC 2544)" },
  { range: "198.51.100.0/24", use: "documentation (RFC 5737)" },
  { range: "203.0.113.0/24", use: "documentation (RFC 5737)" },
  { range: "224.0.0.0/4", use: "multicast (RFC 5771)" },
  { range: "240.0.0.0/4", use: "reserved (RFC 1112), limited broadcast (RFC 8190)" },
];

/**
 * IPv6 addresses that are not globally routable unicast: every entry of IANA's IPv6 Special-Purpose Address Registry
 * (entries inside another are omitted), multicast, and site-local addresses, which the registry no longer lists. The
 * local sandbox has no IPv6.
 */
export const specialRanges6: readonly SpecialRange[] = [
  { range: "::/128", use: "unspecified (RFC 4291)" },
  { range: "::1/128", use: "loopback (RFC 4291)" },
  { range: "::ffff:0:0/96", use: "IPv4-mapped (RFC 4291)" },
  { range: "64:ff9b::/96", use: "translation to any IPv4 address (RFC 6052)" },
  { range: "64:ff9b:1::/48", use: "local translation to IPv4 addresses (RFC 8215)" },
  { range: "100::/64", use: "discard only (RFC 6666)" },
  { range: "100:0:0:1::/64", use: "dummy prefix (RFC 9780)" },
  { range: "2001::/23", use: "IETF protocol assignments (RFC 2928): Teredo, benchmarking, ORCHID" },
  { range: "2001:db8::/32", use: "documentation (RFC 3849)" },
  { range: "2002::/16", use: "6to4 (RFC 3056): leads to IPv4 addresses" },
  { range: "2620:4f:8000::/48", use: "direct delegation AS112 service (RFC 7534)" },
  { range: "3fff::/20", use: "documentation (RFC 9637)" },
  { range: "5f00::/16", use: "segment routing identifiers (RFC 9602)" },
  { range: "fc00::/7", use: "unique local (RFC 4193)" },
  { range: "fe80::/10", use: "link-local (RFC 4291)" },
  { range: "fec0::/10", use: "site-local, deprecated (RFC 3879)" },
  { range: "ff00::/8", use: "multicast (RFC 4291)" },
];

/** The address as a number of 32 or 128 bits. */
function addressBits(address: string): bigint {
  if (!address.includes(":")) return address.split(".").reduce((bits, part) => (bits << 8n) | BigInt(part), 0n);
  const [left = "", right] = address.split("::");
  const groups = (text: string): string[] => text.split(":").filter(Boolean);
  const tail = groups(right ?? "");
  const head = groups(left);
  const all = [...head, ...Array<string>(8 - head.length - tail.length).fill("0"), ...tail];
  return all.reduce((bits, group) => (bits << 16n) | BigInt(`0x${group}`), 0n);
}

/**
 * Whether a range contains another. False for ranges of different address families.
 *
 * @param outer a range in CIDR notation
 * @param inner a range in CIDR notation, or an address
 */
export function rangeHolds(outer: string, inner: string): boolean {
  const [outerAddress = "", outerLength = ""] = outer.split("/");
  const [innerAddress = "", innerLength] = inner.split("/");
  const width = outerAddress.includes(":") ? 128 : 32;
  if (innerAddress.includes(":") !== outerAddress.includes(":")) return false;
  const length = Number(outerLength);
  if (Number(innerLength ?? width) < length) return false;
  const shift = BigInt(width - length);
  return addressBits(outerAddress) >> shift === addressBits(innerAddress) >> shift;
}
